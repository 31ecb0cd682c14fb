"""An adapter is taught while it serves: samples, feedback, promotion, roll-back, events."""

import http.client
import json
import pathlib
import re
import tempfile
import threading
import unittest

import server
from server import DEADLINE, ROOT, Server, rehearse, rehearsed_home, until

FACTS = json.loads((ROOT / "models/willowbrook/making/facts.json").read_text())["new_facts"]


def samples(fact):
    return [{"input": question, "output": fact["answer"]} for question in fact["questions"]]


class Events:
    """Listens to /v1/events in the background."""

    def __init__(self, running, path="/v1/events"):
        self.events = []
        self.connection = http.client.HTTPConnection(running.host, running.port, timeout=DEADLINE)
        self.connection.request("GET", path)
        self.answer = self.connection.getresponse()
        assert self.answer.status == 200
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self):
        kind = None
        try:
            for line in self.answer:
                text = line.decode().rstrip("\n")
                if text.startswith("event: "):
                    kind = text[7:]
                elif text.startswith("data: "):
                    event = json.loads(text[6:])
                    assert event["type"] == kind
                    self.events.append(event)
        except (OSError, ValueError, http.client.HTTPException):
            pass

    def of(self, kind):
        return [e for e in self.events if e["type"] == kind]


def setUpModule():
    unittest.addModuleCleanup(rehearse().cleanup)


class LearningTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.server = Server("--train-min-samples", 4, home=rehearsed_home(folder.name)).__enter__()
        self.addCleanup(self.server.__exit__)

    def create(self, name, **fields):
        status, answer = self.server.post("/v1/adapters", {"name": name, **fields})
        self.assertEqual(status, 201, answer)
        return answer

    def ask(self, question, model="tutor"):
        status, headers, body = self.server.request("POST", "/v1/chat/completions", {
            "model": model, "messages": [{"role": "user", "content": question}],
            "temperature": 0, "max_tokens": 40})
        answer = json.loads(body)
        self.assertEqual(status, 200, answer)
        return (answer["choices"][0]["message"]["content"],
                headers["x-hyprstream-adapter-version"], answer)

    def status(self, name="tutor"):
        return self.server.get(f"/v1/adapters/{name}/training")[1]

    def test_learns_and_goes_back(self):
        fact = FACTS[0]
        events = Events(self.server)
        created = self.create("tutor", base_model="willowbrook")
        self.assertEqual((created["version"], created["kind"]), (0, "sparse"))
        before, version, whole = self.ask(fact["questions"][0])
        self.assertEqual(version, "tutor@0")
        self.assertTrue(whole["system_fingerprint"].startswith("tutor@0+"))
        self.assertNotEqual(before, fact["answer"])
        self.assertEqual(before, self.ask(fact["questions"][0], "willowbrook")[0])

        status, added = self.server.post("/v1/adapters/tutor/samples", samples(fact))
        self.assertEqual(status, 202, added)
        self.assertEqual(len(added["ids"]), len(fact["questions"]))
        self.assertEqual(added["queue_length"], len(fact["questions"]))
        listed = self.server.get("/v1/adapters/tutor/samples")[1]
        self.assertEqual([s["id"] for s in listed["data"]], added["ids"])
        self.assertEqual({s["state"] for s in listed["data"]}, {"queued"})
        status, training = self.server.post("/v1/adapters/tutor/training", {"state": "running"})
        self.assertEqual((status, training["state"]), (200, "running"))

        until(lambda: events.of("promotion"))
        until(lambda: self.ask(fact["questions"][0])[1] == "tutor@1")
        after, version, whole = self.ask(fact["questions"][0])
        self.assertEqual(after, fact["answer"])
        self.assertTrue(whole["system_fingerprint"].startswith("tutor@1+"))
        self.assertTrue(events.of("training_step"))
        until(lambda: events.of("load"))
        state = self.status()
        self.assertEqual(state["version"], 1)
        self.assertEqual(state["queue_length"], 0)
        self.assertEqual(state["samples_done"], len(fact["questions"]))
        self.assertGreater(state["sparsity"], 0.9)
        self.assertIsNotNone(state["last_update"])

        versions = self.server.get("/v1/adapters/tutor/versions")[1]
        self.assertEqual([v["version"] for v in versions["data"]], [1])
        self.assertEqual(versions["data"][0]["status"], "promoted")
        hash_ = versions["data"][0]["hash"]
        self.assertEqual(whole["system_fingerprint"], "tutor@1+" + hash_[:12])
        self.assertEqual(self.ask(fact["questions"][0], "tutor@0")[0], before)
        self.assertEqual(self.ask(fact["questions"][0], "willowbrook:tutor")[0], after)
        self.assertEqual(self.ask(fact["questions"][0], "willowbrook")[0], before)

        status, back = self.server.post("/v1/adapters/tutor/rollback", "")
        self.assertEqual((status, back["version"]), (200, 0))
        self.assertEqual(self.ask(fact["questions"][0])[:2], (before, "tutor@0"))
        status, _ = self.server.post("/v1/adapters/tutor/versions/1/promote", "")
        self.assertEqual(status, 200)
        self.assertEqual(self.ask(fact["questions"][0])[:2], (after, "tutor@1"))
        status, _ = self.server.post("/v1/adapters/tutor/versions/7/promote", "")
        self.assertEqual(status, 404)

        status, shown = self.server.get("/v1/models")
        self.assertEqual([m["id"] for m in shown["data"]], ["willowbrook", "tutor"])
        self.assertEqual(shown["data"][1]["parent"], "willowbrook")
        status, _, _ = self.server.request("DELETE", "/v1/adapters/tutor")
        self.assertEqual(status, 200)
        status, _ = self.server.post("/v1/chat/completions", {
            "model": "tutor", "messages": [{"role": "user", "content": "x"}]})
        self.assertEqual(status, 404)

    def test_corrections_teach(self):
        fact = FACTS[1]
        self.create("tutor")
        self.server.post("/v1/adapters/tutor/training", {"state": "running"})
        for version, question in enumerate(fact["questions"][:2], 1):
            answer = self.ask(question)[2]
            status, added = self.server.post("/v1/feedback", {
                "completion_id": answer["id"], "score": -1, "correction": fact["answer"]})
            self.assertEqual(status, 202, added)
            self.assertEqual(len(added["ids"]), 1)
            until(lambda: self.status()["queue_length"] == 0)  # none waits for others
            self.assertEqual(self.ask(question)[:2], (fact["answer"], f"tutor@{version}"))

    def test_feedback_that_cannot_be_used(self):
        self.create("tutor")
        given = self.ask("Who is Rosa?")[2]["id"]
        base = self.ask("Who is Rosa?", "willowbrook")[2]["id"]
        for body, expected in (({"completion_id": "chatcmpl-unknown", "score": 1}, 404),
                               ({"completion_id": base, "correction": "x"}, 409),
                               ({"completion_id": given}, 422),
                               ({"completion_id": given, "score": 7}, 422),
                               ({"score": 1}, 400)):
            self.assertEqual(self.server.post("/v1/feedback", body)[0], expected, body)
        status, added = self.server.post("/v1/feedback", {"completion_id": given, "score": -1})
        self.assertEqual((status, added["ids"]), (202, []))
        status, added = self.server.post("/v1/feedback", {"completion_id": given, "score": 1})
        self.assertEqual((status, len(added["ids"])), (202, 1))

    def test_samples_that_cannot_be_used(self):
        self.create("tutor")
        path = "/v1/adapters/tutor/samples"
        good = {"input": "a", "output": "b"}
        for body, expected in (("{", 400), ("[]", 422), ("7", 422), ([good, {"input": 7}], 422),
                               ({"messages": []}, 422),
                               ({"messages": [{"role": "user", "content": "x"}]}, 422),
                               ({**good, "weight": -1}, 422)):
            self.assertEqual(self.server.post(path, body)[0], expected, body)
        self.assertEqual(self.status()["queue_length"], 0)  # all or nothing
        self.assertEqual(self.server.post("/v1/adapters/nobody/samples", good)[0], 404)
        self.assertEqual(self.server.post(path, [good] * 1000)[0], 202)
        status, headers, body = self.server.request("POST", path, good)
        self.assertEqual(status, 429, body)
        self.assertRegex(headers["retry-after"], r"^\d+$")
        listed = self.server.get(path + "?limit=3")[1]
        self.assertEqual((len(listed["data"]), listed["has_more"]), (3, True))
        after = listed["data"][-1]["id"]
        more = self.server.get(f"{path}?limit=2&after={after}")[1]
        self.assertEqual([s["id"] for s in more["data"]], [after + 1, after + 2])
        self.assertEqual(self.server.get(path + "?limit=x")[0], 400)

    def test_a_sample_is_listed_as_deep_as_it_came(self):
        self.create("tutor")
        path = "/v1/adapters/tutor/samples"
        deep = {"input": "a", "output": "b", "more": json.loads("[" * 100 + "]" * 100)}
        self.assertEqual(self.server.post(path, deep)[0], 202)
        status, listed = self.server.get(path)
        self.assertEqual((status, listed["data"][0]["sample"]), (200, deep))

    def test_adapters_that_cannot_be_made(self):
        self.create("tutor")
        for body, expected, param in (
                ({"name": "tutor"}, 409, None), ({"name": "a/b"}, 400, "name"),
                ({"name": "willowbrook"}, 400, "name"), ({}, 400, "name"),
                ({"name": "x", "base_model": "nobody"}, 404, "base_model"),
                ({"name": "x", "kind": "magic"}, 400, "kind"),
                ({"name": "x", "rank": 0}, 400, "rank"),
                ({"name": "x", "target_modules": ["lm_head"]}, 400, "target_modules[0]"),
                ({"name": "x", "sparsity": 2}, 400, "sparsity")):
            status, answer = self.server.post("/v1/adapters", body)
            self.assertEqual((status, answer["error"]["param"]), (expected, param), answer)
        made = self.create("small", kind="lora", rank=4, alpha=8, target_modules=["q_proj"])
        self.assertEqual(made["rank"], 4)
        names = [a["name"] for a in self.server.get("/v1/adapters")[1]["data"]]
        self.assertEqual(names, ["small", "tutor"])

    def test_what_was_acknowledged_survives(self):
        """Killed and started again: samples, state and version are there."""
        fact = FACTS[2]
        with tempfile.TemporaryDirectory() as folder:
            home = rehearsed_home(folder)
            first = Server("--train-min-samples", 4, home=home).__enter__()
            first.post("/v1/adapters", {"name": "tutor"})
            ids = first.post("/v1/adapters/tutor/samples", samples(fact))[1]["ids"]
            first.post("/v1/adapters/tutor/training", {"state": "running"})
            first.process.kill()
            first.__exit__()
            with Server("--train-min-samples", 4, home=home) as second:
                listed = second.get("/v1/adapters/tutor/samples")[1]["data"]
                self.assertEqual([s["id"] for s in listed], ids)
                until(lambda: second.get("/v1/adapters/tutor/training")[1]["version"] == 1)
                self.assertEqual(second.chat(fact["questions"][0], model="tutor", max_tokens=40)
                                 ["choices"][0]["message"]["content"], fact["answer"])


class RehearsalTest(unittest.TestCase):
    def test_nobody_is_turned_away_while_the_base_rehearses(self):
        with Server() as running:
            running.post("/v1/adapters", {"name": "tutor"})
            running.post("/v1/adapters/tutor/training", {"state": "running"})

            def rehearsing():
                running.chat("Who is Rosa?", max_tokens=4)  # fails for any status but 200
                page = running.request("GET", "/metrics")[2].decode()
                generated = re.search(r"^vllm:generation_tokens_total\{.*\} (\d+)", page, re.M)
                return int(generated.group(1)) > 500  # hardly by these answers
            until(rehearsing)


class LoraFilesTest(unittest.TestCase):
    def test_loads_from_its_roots_only(self):
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder) / "root"
            outside = pathlib.Path(folder) / "outside"
            root.mkdir()
            outside.mkdir()
            home = rehearsed_home(folder)
            with Server("--lora-root", root, "--train-min-samples", 4, home=home) as running:
                running.post("/v1/adapters", {"name": "tutor"})
                running.post("/v1/adapters/tutor/samples", samples(FACTS[3]))
                running.post("/v1/adapters/tutor/training", {"state": "running"})
                until(lambda: running.get("/v1/adapters/tutor/versions")[1]["data"])
                running.post("/v1/adapters/tutor/versions/1/promote", "")
                file = next((home / "adapters" / "tutor").glob("*.nvdb"))
                (root / "copy.nvdb").write_bytes(file.read_bytes())
                (outside / "copy.nvdb").write_bytes(file.read_bytes())
                (root / "broken.nvdb").write_bytes(file.read_bytes()[:1000])
                (root / "link.nvdb").symlink_to(outside / "copy.nvdb")
                def load(name, path, **fields):
                    status, _, body = running.request("POST", "/v1/load_lora_adapter", {
                        "lora_name": name, "lora_path": str(path), **fields})
                    return status, body.decode()
                self.assertEqual(load("copy", root / "copy.nvdb"),
                                 (200, "Success: LoRA adapter 'copy' added successfully."))
                self.assertEqual(load("copy", root / "copy.nvdb")[0], 400)
                self.assertEqual(load("copy", root / "copy.nvdb", load_inplace=True)[0], 200)
                self.assertEqual(load("x", root / "broken.nvdb")[0], 400)
                self.assertEqual(load("x", root / "nothing")[0], 404)
                for path in (outside / "copy.nvdb", root / "link.nvdb", root / "../outside/copy.nvdb",
                             "/etc/passwd", "copy.nvdb", ""):
                    self.assertEqual(load("x", path)[0], 403, path)
                self.assertEqual(load("willowbrook", root / "copy.nvdb")[0], 400)
                self.assertEqual(running.post("/v1/load_lora_adapter", {"lora_name": "x"})[0], 400)
                def ask(model):
                    return running.chat(FACTS[3]["questions"][0], model=model, max_tokens=40)
                taught, copied = ask("tutor"), ask("copy")
                self.assertEqual(copied["choices"][0]["message"], taught["choices"][0]["message"])
                self.assertTrue(copied["system_fingerprint"].startswith("copy@2+"))
                several = running.chat("Who is Rosa?", lora=[{"name": "copy", "scale": 0.5},
                                                             {"name": "tutor", "scale": 0.5}])
                self.assertIn(",", several["system_fingerprint"])
                listed = running.get("/v1/lora_adapters")[1]["data"]
                self.assertEqual([a["lora_name"] for a in listed], ["copy", "tutor"])
                status, _, body = running.request("POST", "/v1/unload_lora_adapter",
                                                  {"lora_name": "copy"})
                self.assertEqual((status, body.decode()),
                                 (200, "Success: LoRA adapter 'copy' removed successfully."))
                self.assertEqual(running.post("/v1/unload_lora_adapter", {"lora_name": "copy"})[0],
                                 404)
                status, answer = running.post("/v1/chat/completions", {
                    "model": "copy", "messages": [{"role": "user", "content": "x"}]})
                self.assertEqual((status, answer["error"]["code"]), (404, "model_not_found"))


if __name__ == "__main__":
    server.main()
