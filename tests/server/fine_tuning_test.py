"""The official OpenAI client fine-tunes: jobs that succeed, fail, wait, are cancelled and outlive a
kill."""

import contextlib
import json
import pathlib
import sqlite3
import tempfile
import unittest

import openai

import server
from server import ROOT, Server, rehearse, rehearsed_home, until

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
    unittest.addModuleCleanup(rehearse().cleanup)


class JobCase(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.home = rehearsed_home(folder.name)
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

    def tokens(self, question, answer):
        """What a line has: the prompt, the answer and its end."""
        prompt = self.server.post("/tokenize", {"messages": [{"role": "user", "content": question}]})
        said = self.server.post("/tokenize", {"prompt": answer, "add_special_tokens": False})
        return prompt[1]["count"] + said[1]["count"] + 1

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

        lengths = [self.tokens(question, fact["answer"]) for question in taught]
        seen = len(curve) * 8
        self.assertGreaterEqual(done.trained_tokens, seen * min(lengths))
        self.assertLessEqual(done.trained_tokens, seen * max(lengths))

        self.assertTrue(self.client.models.delete(done.fine_tuned_model).deleted)
        self.assertEqual(self.adapters(), [])
        with self.assertRaises(openai.NotFoundError):
            self.client.models.delete(done.fine_tuned_model)
        with self.assertRaises(openai.BadRequestError):
            self.client.models.delete("willowbrook")

    def test_a_kill_in_the_middle(self):
        fact = FACTS[1]
        job = self.create(lines_of(fact))
        until(lambda: self.metrics(job))
        self.server.process.kill()
        self.start()
        self.assertIn(self.status(job), ("queued", "running"))
        reached = len(self.metrics(job))
        until(lambda: len(self.metrics(job)) > reached)
        self.server.process.kill()
        self.server.process.wait()
        # As if it had been killed when the lines were journalled and the job did not say so yet.
        with contextlib.closing(sqlite3.connect(self.home / "catalog.db")) as catalog, catalog:
            catalog.execute("UPDATE fine_tuning_jobs SET status = 'validating_files', lines = 0")
        self.start()
        done = self.succeeded(job)
        self.assertEqual(self.ask(done.fine_tuned_model, fact["questions"][0]), fact["answer"])
        kept = self.server.get(f"/v1/adapters/{done.fine_tuned_model}/samples")[1]["data"]
        self.assertEqual(len(kept), len(fact["questions"]))
        self.assertEqual({sample["state"] for sample in kept}, {"trained", "held_out"})
        curve = [event.data["step"] for event in self.metrics(job)]
        self.assertEqual(sorted(set(curve)), sorted(curve))
        self.assertEqual(curve[-1], self.metrics(job)[-1].data["total_steps"])

    def test_pause_resume_and_cancel(self):
        fact = FACTS[2]
        job = self.create(lines_of(fact), hyperparameters={"n_epochs": 1000})
        until(lambda: self.metrics(job))
        self.assertEqual(self.jobs.pause(job.id).status, "paused")
        name, = self.adapters()
        training = "/v1/adapters/" + name + "/training"
        until(lambda: self.server.get(training)[1]["state"] == "stopped")
        with self.assertRaises(openai.BadRequestError):
            self.jobs.pause(job.id)
        other = self.create(lines_of(FACTS[3]))  # goes on meanwhile
        self.succeeded(other)
        reached = len(self.metrics(job))
        self.assertLess(reached, self.metrics(job)[-1].data["total_steps"])
        self.assertEqual(self.status(job), "paused")
        self.assertEqual(self.jobs.resume(job.id).status, "queued")
        until(lambda: len(self.metrics(job)) > reached)
        self.assertEqual(self.status(job), "running")
        cancelled = self.jobs.cancel(job.id)
        self.assertEqual((cancelled.status, cancelled.fine_tuned_model), ("cancelled", None))
        self.assertIsNotNone(cancelled.finished_at)
        until(lambda: name not in self.adapters())
        until(lambda: not (self.home / "adapters" / name).exists())
        for change in (self.jobs.cancel, self.jobs.pause, self.jobs.resume):
            with self.assertRaises(openai.BadRequestError):
                change(job.id)
        self.assertEqual(list(self.jobs.checkpoints.list(job.id)), [])

        # A job may go on from what another one made.
        base = self.jobs.retrieve(other.id).fine_tuned_model
        further = self.succeeded(self.create(lines_of(fact), model=base,
                                             hyperparameters={"n_epochs": 80}))
        self.assertNotEqual(further.fine_tuned_model, base)
        for model, known in ((further.fine_tuned_model, fact), (base, FACTS[3]),
                             (further.fine_tuned_model + "@1", FACTS[3])):
            self.assertEqual(self.ask(model, known["questions"][0]), known["answer"])
        self.assertEqual([checkpoint.fine_tuned_model_checkpoint
                          for checkpoint in self.jobs.checkpoints.list(further.id)],
                         [further.fine_tuned_model + "@2"])

    def test_the_gate_refuses(self):
        """What is judged by says the opposite of what is taught."""
        fact = FACTS[0]
        against = [line(question, self.ask("willowbrook", question))
                   for question in fact["questions"]]
        job = self.create(lines_of(fact), validation_file=self.file(against),
                          hyperparameters={"n_epochs": 20})
        failed = self.finished(job)
        self.assertEqual((failed.status, failed.fine_tuned_model), ("failed", None))
        self.assertEqual(failed.error.code, "no_better_version")
        self.assertRegex(failed.error.message,
                         r"^rejected: .*held-out loss [0-9.]+ \(before [0-9.]+\)")
        until(lambda: not self.adapters())
        levels = [event.level for event in self.events(job)]
        self.assertEqual((levels[-1], "warn" in levels), ("error", True))

    def test_files_that_cannot_be_learnt(self):
        longer = line("Who?", "word " * 5000)
        job = self.create(lines_of(FACTS[0]) + ["", longer])
        failed = self.finished(job)
        self.assertEqual((failed.status, failed.error.code, failed.error.param),
                         ("failed", "invalid_training_file", "training_file"))
        self.assertIn(f"line {len(FACTS[0]['questions']) + 2}:", failed.error.message)
        self.assertEqual(self.adapters(), [])

    def test_what_is_refused_and_what_is_listed(self):
        file = self.file(lines_of(FACTS[0]))
        for fields, param in (
                ({"training_file": "file-none"}, "training_file"),
                ({"validation_file": "file-none"}, "validation_file"),
                ({"method": {"type": "dpo"}}, "method.type"),
                ({"method": {"type": "reinforcement"}}, "method.type"),
                ({"method": {"type": "wish"}}, "method.type"),
                ({"hyperparameters": {"n_epochs": 0}}, "hyperparameters.n_epochs"),
                ({"hyperparameters": {"n_epochs": "many"}}, "hyperparameters.n_epochs"),
                ({"hyperparameters": {"batch_size": 1.5}}, "hyperparameters.batch_size"),
                ({"method": {"type": "supervised", "supervised": {
                    "hyperparameters": {"learning_rate_multiplier": -1}}}},
                 "method.supervised.hyperparameters.learning_rate_multiplier"),
                ({"suffix": "x" * 65}, "suffix"), ({"seed": "one"}, "seed"),
                ({"metadata": {"a": 1}}, "metadata.a"),
                ({"integrations": [{"type": "wandb", "wandb": {"project": "x"}}]},
                 "integrations")):
            with self.assertRaises(openai.BadRequestError, msg=fields) as refused:
                self.jobs.create(**{"model": "willowbrook", "training_file": file, **fields})
            self.assertEqual(refused.exception.body["param"], param)
        with self.assertRaises(openai.NotFoundError):
            self.jobs.create(model="nobody", training_file=file)
        for ask in (self.jobs.retrieve, self.jobs.cancel, self.jobs.list_events,
                    self.jobs.checkpoints.list):
            with self.assertRaises(openai.NotFoundError):
                ask("ftjob-none")
        self.assertEqual(self.jobs.list().data, [])

        jobs = [self.jobs.create(model="willowbrook", training_file=file, suffix=str(i)).id
                for i in range(5)]
        for job in jobs:
            self.jobs.cancel(job)
        self.assertEqual([job.id for job in self.jobs.list(limit=2)], jobs[::-1])
        page = self.jobs.list(limit=2, after=jobs[3])
        self.assertEqual(([job.id for job in page.data], page.has_more), (jobs[2:0:-1], True))
        self.assertFalse(self.jobs.list(limit=2, after=jobs[2]).has_more)
        with self.assertRaises(openai.BadRequestError):
            self.jobs.list(limit=0)
        with self.assertRaises(openai.NotFoundError):
            self.jobs.list(after="ftjob-none")
        until(lambda: not self.adapters())


class KeysTest(unittest.TestCase):
    def test_is_for_those_who_teach(self):
        with tempfile.TemporaryDirectory() as folder:
            keys = pathlib.Path(folder) / "keys"
            keys.write_text("use-key use\nteach-key teach spd=5\n")
            keys.chmod(0o600)
            with Server("--api-key-file", keys) as running:
                with client_of(running, "teach-key") as teacher:
                    file = teacher.files.create(
                        file=("a.jsonl", "\n".join(lines_of(FACTS[0])).encode()),
                        purpose="fine-tune").id
                    job = teacher.fine_tuning.jobs.create(model="willowbrook", training_file=file)
                    with self.assertRaises(openai.RateLimitError):
                        teacher.fine_tuning.jobs.create(model="willowbrook", training_file=file)
                    teacher.fine_tuning.jobs.cancel(job.id)
                with client_of(running, "use-key") as user:
                    jobs = user.fine_tuning.jobs
                    for ask in (jobs.list, lambda: jobs.retrieve(job.id),
                                lambda: jobs.list_events(job.id),
                                lambda: jobs.create(model="willowbrook", training_file=file)):
                        with self.assertRaises(openai.PermissionDeniedError):
                            ask()


if __name__ == "__main__":
    server.main()
