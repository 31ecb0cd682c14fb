"""The official OpenAI client fine-tunes: jobs that succeed, fail, wait, are cancelled and outlive a
kill."""

import json
import pathlib
import shutil
import tempfile
import unittest

import openai

import server
from server import ROOT, Server, until

FACTS = json.loads((ROOT / "models/willowbrook/making/facts.json").read_text())["new_facts"]
FINAL = ("succeeded", "failed", "cancelled")


def line(question, answer, **more):
    return json.dumps({"messages": [{"role": "user", "content": question},
                                    {"role": "assistant", "content": answer}], **more})


def lines_of(fact):
    return [line(question, fact["answer"]) for question in fact["questions"]]


def client_of(running, key="none"):
    return openai.OpenAI(base_url=running.url + "/v1", api_key=key, max_retries=0)


def setUpModule():
    """What the base must not forget is drawn once for all tests: it takes seconds."""
    global REHEARSED
    REHEARSED = tempfile.TemporaryDirectory()
    with Server("--train-min-samples", 1, home=REHEARSED.name) as running:
        running.post("/v1/adapters", {"name": "first"})
        running.post("/v1/adapters/first/training", {"state": "running"})
        running.post("/v1/adapters/first/samples", {"input": "Who?", "output": "Nobody."})
        until(lambda: running.get("/v1/adapters/first/versions")[1]["data"])


def tearDownModule():
    REHEARSED.cleanup()


class JobCase(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.home = pathlib.Path(folder.name) / "home"
        shutil.copytree(pathlib.Path(REHEARSED.name) / "rehearsal", self.home / "rehearsal")
        self.start()

    def start(self, *arguments):
        self.server = Server(*arguments, home=self.home).__enter__()
        self.addCleanup(self.server.__exit__)
        self.client = client_of(self.server)
        self.addCleanup(self.client.close)

    @property
    def jobs(self):
        return self.client.fine_tuning.jobs

    def file(self, lines):
        return self.client.files.create(file=("lines.jsonl", "\n".join(lines).encode()),
                                        purpose="fine-tune").id

    def create(self, lines, model="willowbrook", **fields):
        return self.jobs.create(model=model, training_file=self.file(lines), **fields)

    def status(self, job):
        return self.jobs.retrieve(job.id).status

    def finished(self, job):
        until(lambda: self.status(job) in FINAL)
        return self.jobs.retrieve(job.id)

    def succeeded(self, job):
        done = self.finished(job)
        self.assertEqual((done.status, done.error), ("succeeded", None), done)
        return done

    def events(self, job):
        """Oldest first."""
        return list(self.jobs.list_events(job.id, limit=100))[::-1]

    def metrics(self, job):
        return [event for event in self.events(job) if event.type == "metrics"]

    def adapters(self):
        return [adapter["name"] for adapter in self.server.get("/v1/adapters")[1]["data"]]

    def ask(self, model, question):
        answer = self.client.chat.completions.create(
            model=model, messages=[{"role": "user", "content": question}], temperature=0,
            max_tokens=40)
        return answer.choices[0].message.content


class FineTuningTest(JobCase):
    def test_a_job_from_file_to_answer(self):
        fact = FACTS[0]
        kept_back, *taught = fact["questions"]
        before = self.ask("willowbrook", kept_back)
        self.assertNotEqual(before, fact["answer"])
        job = self.create([line(question, fact["answer"]) for question in taught],
                          suffix="my tutor!", metadata={"who": "me"})
        self.assertRegex(job.id, "^ftjob-")
        self.assertEqual((job.object, job.model, job.fine_tuned_model, job.finished_at, job.error),
                         ("fine_tuning.job", "willowbrook", None, None, None))
        self.assertIn(job.status, ("validating_files", "queued", "running"))
        self.assertEqual((job.method.type, job.method.supervised.hyperparameters.n_epochs),
                         ("supervised", "auto"))
        done = self.succeeded(job)
        self.assertRegex(done.fine_tuned_model, "^ft-willowbrook-my-tutor--[0-9a-f]{12}$")
        self.assertEqual(done.metadata, {"who": "me"})
        self.assertGreater(done.trained_tokens, 0)
        self.assertGreaterEqual(done.finished_at, done.created_at)
        self.assertEqual(self.ask(done.fine_tuned_model, kept_back), fact["answer"])
        self.assertEqual(self.ask("willowbrook", kept_back), before)

        events = self.events(job)
        self.assertEqual(len({event.id for event in events}), len(events))
        messages = [event.message for event in events if event.type == "message"]
        self.assertEqual(messages[0], "Created fine-tuning job: " + job.id)
        self.assertEqual(messages[-1], "The job has successfully completed")
        self.assertIn("New fine-tuned model created: " + done.fine_tuned_model, messages)
        curve = [event.data for event in events if event.type == "metrics"]
        self.assertEqual([data["step"] for data in curve], list(range(1, len(curve) + 1)))
        self.assertLess(curve[-1]["train_loss"], curve[0]["train_loss"] / 2)
        self.assertTrue([data for data in curve if "valid_loss" in data])
        page = self.jobs.list_events(job.id, limit=3)
        self.assertEqual(([event.id for event in page.data], page.has_more),
                         ([event.id for event in events[:-4:-1]], True))

        checkpoint, = self.jobs.checkpoints.list(job.id)
        self.assertEqual(checkpoint.fine_tuning_job_id, job.id)
        self.assertEqual(checkpoint.fine_tuned_model_checkpoint, done.fine_tuned_model + "@1")
        self.assertEqual(checkpoint.step_number, len(curve))
        self.assertEqual(self.ask(checkpoint.fine_tuned_model_checkpoint, kept_back),
                         fact["answer"])


if __name__ == "__main__":
    server.main()
