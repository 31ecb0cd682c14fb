"""What keys and adapters may use, and how the official client is told that it is too much."""

import json
import pathlib
import re
import subprocess
import tempfile
import threading
import unittest

import openai

import server
from server import Server, until

QUESTION = [{"role": "user", "content": "Who is Rosa's best friend?"}]
KEYS = {
    "root-key": "admin name=root",
    "few-key": "use name=few rpm=2",
    "twin-key": "use name=twin rpm=2",
    "token-key": "use name=token tpm=200",
    "stream-key": "use name=stream tpm=2000",
    "single-key": "use name=single parallel=1",
    "day-key": "use name=day tpd=100",
    "sample-key": "teach name=sample spd=4",
    "job-key": "teach name=job spd=6",
    "ollama-key": "use name=ollama rpm=1",
}
SAMPLES = [{"input": f"Who is number {i}?", "output": f"Person {i}."} for i in range(9)]


def write_keys(folder, keys):
    path = pathlib.Path(folder) / "keys"
    path.write_text("".join(f"{key} {rest}\n" for key, rest in keys.items()))
    path.chmod(0o600)
    return path


class QuotaTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.server = Server("--api-key-file", write_keys(cls.folder.name, KEYS),
                            "--adapter-limit", "tone rpm=1", "--adapter-limit", "* spd=5").__enter__()
        for name in ("tone", "calm", "full"):
            status, answer = cls.server.post("/v1/adapters", {"name": name},
                                             Authorization="Bearer root-key")
            assert status == 201, answer

    @classmethod
    def tearDownClass(cls):
        cls.server.__exit__()
        cls.folder.cleanup()
        assert not [key for key in KEYS if key in cls.server.log]

    def client(self, key):
        client = openai.OpenAI(base_url=self.server.url + "/v1", api_key=key, max_retries=0)
        self.addCleanup(client.close)
        return client

    def ask(self, key, **fields):
        """(headers, completion)."""
        fields = {"model": "willowbrook", "max_tokens": 5, **fields}
        raw = self.client(key).chat.completions.with_raw_response.create(
            messages=QUESTION, temperature=0, **fields)
        return raw.headers, raw.parse()

    def refused(self, key, **fields):
        with self.assertRaises(openai.RateLimitError) as caught:
            self.ask(key, **fields)
        return caught.exception

    def metric(self, family, /, **labels):
        _, _, page = self.server.request("GET", "/metrics",
                                         headers={"Authorization": "Bearer root-key"})
        text = ",".join(f'{label}="{value}"' for label, value in labels.items())
        found = re.search(re.escape(f"hyprstream_quota_{family}{{{text}}}") + r" (\S+)$",
                          page.decode(), re.MULTILINE)
        return float(found.group(1))

    def test_requests_of_one_key_are_limited(self):
        headers, _ = self.ask("few-key")
        self.assertEqual(headers["x-ratelimit-limit-requests"], "2")
        self.assertEqual(headers["x-ratelimit-remaining-requests"], "1")
        self.assertRegex(headers["x-ratelimit-reset-requests"], r"^(1m0|[0-9.]+)s$")
        self.assertNotIn("x-ratelimit-limit-tokens", headers)
        self.ask("few-key")
        error = self.refused("few-key")
        self.assertEqual((error.type, error.code, error.param),
                         ("requests", "rate_limit_exceeded", None))
        self.assertIn('the key "few" may have 2 requests a minute, 2 are used', error.message)
        self.assertNotIn("few-key", error.message)
        wait = int(error.response.headers["retry-after"])
        self.assertTrue(1 <= wait <= 60, wait)
        self.assertIn(f"come back in {wait} s", error.message)
        self.assertEqual(error.response.headers["x-ratelimit-remaining-requests"], "0")
        self.ask("twin-key")
        for _ in range(4):
            headers, _ = self.ask("root-key")
            self.assertNotIn("x-ratelimit-limit-requests", headers)
        labels = {"subject": "key", "name": "few", "kind": "requests", "period": "minute"}
        self.assertEqual(self.metric("limit", **labels), 2)
        self.assertEqual(self.metric("used", **labels), 2)
        self.assertEqual(self.metric("refused_total", **labels), 1)

    def test_tokens_are_reserved_and_settled(self):
        headers, answer = self.ask("token-key", max_tokens=50)
        prompt = answer.usage.prompt_tokens
        self.assertEqual(headers["x-ratelimit-limit-tokens"], "200")
        self.assertEqual(int(headers["x-ratelimit-remaining-tokens"]), 200 - prompt - 50)
        used = answer.usage.total_tokens
        headers, answer = self.ask("token-key", max_tokens=2, n=3)
        self.assertEqual(int(headers["x-ratelimit-remaining-tokens"]), 200 - used - prompt - 6)
        used += answer.usage.total_tokens
        error = self.refused("token-key", max_tokens=200)
        self.assertEqual(error.response.headers["x-should-retry"], "false")
        self.assertNotIn("retry-after", error.response.headers)
        error = self.refused("token-key", max_tokens=200 - used - prompt + 1)
        self.assertEqual((error.type, error.code), ("tokens", "rate_limit_exceeded"))
        self.assertIn(f'200 tokens a minute, {used} are used or reserved', error.message)
        made = self.client("token-key").embeddings.create(model="willowbrook", input="Rosa bakes.")
        used += made.usage.total_tokens
        self.ask("token-key", max_tokens=200 - used - prompt)

    def test_a_client_that_leaves_pays_for_what_it_got(self):
        labels = {"subject": "key", "name": "stream", "kind": "tokens", "period": "minute"}
        prompt = self.ask("root-key")[1].usage.prompt_tokens
        stream = self.client("stream-key").chat.completions.create(
            model="willowbrook", messages=QUESTION, stream=True, max_tokens=1800,
            extra_body={"ignore_eos": True})
        for _ in range(21):  # the first has no token
            next(stream)
        self.assertGreater(self.metric("used", **labels), 1800)
        stream.close()
        until(lambda: self.metric("used", **labels) < 1800)
        self.assertGreaterEqual(self.metric("used", **labels), prompt + 20)

    def test_requests_at_the_same_time_are_limited(self):
        stream = self.client("single-key").chat.completions.create(
            model="willowbrook", messages=QUESTION, stream=True, max_tokens=1800,
            extra_body={"ignore_eos": True})
        next(stream)
        error = self.refused("single-key")
        self.assertEqual(error.response.headers["retry-after"], "1")
        self.assertIn("1 are in progress", error.message)
        stream.close()
        labels = {"subject": "key", "name": "single", "kind": "requests", "period": "now"}
        until(lambda: self.metric("used", **labels) == 0)
        self.ask("single-key")

    def test_a_flood_gets_no_more_than_the_limit(self):
        answers = []

        def ask():
            try:
                answers.append(self.ask("day-key", max_tokens=10)[1].usage.total_tokens)
            except openai.RateLimitError:
                pass
        threads = [threading.Thread(target=ask) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertGreater(len(answers), 0)
        self.assertLessEqual(sum(answers), 100)
        labels = {"subject": "key", "name": "day", "kind": "tokens", "period": "day"}
        until(lambda: self.metric("used", **labels) == sum(answers))

    def test_an_adapter_is_limited_for_all_together(self):
        self.ask("root-key", model="tone")
        error = self.refused("twin-key", model="tone")
        self.assertIn('the adapter "tone" may have 1 requests a minute', error.message)
        self.assertEqual(self.refused("root-key", model="tone@0").code, "rate_limit_exceeded")
        self.refused("root-key", extra_body={"lora": [{"name": "tone"}]})
        self.ask("root-key", model="calm")

    def teach(self, adapter, samples):
        """(status, headers, body) with the key that may teach four samples a day."""
        status, headers, body = self.server.request(
            "POST", f"/v1/adapters/{adapter}/samples", samples,
            {"Authorization": "Bearer sample-key"})
        return status, headers, json.loads(body)

    def kept(self, adapter):
        return len(self.server.get(f"/v1/adapters/{adapter}/samples",
                                   Authorization="Bearer root-key")[1]["data"])

    def test_samples_are_taken_whole_or_not_at_all(self):
        status, headers, body = self.teach("calm", SAMPLES[:5])
        self.assertEqual((status, body["error"]["type"]), (429, "samples"))
        self.assertEqual(headers["x-should-retry"], "false")
        self.assertEqual(self.kept("calm"), 0)
        status, headers, body = self.teach("calm", SAMPLES[:3])
        self.assertEqual(status, 202, body)
        self.assertEqual(headers["x-ratelimit-remaining-samples"], "1")
        status, headers, body = self.teach("calm", SAMPLES[3:5])
        self.assertEqual(status, 429)
        self.assertIn('the key "sample" may have 4 samples a day, 3 are used', body["error"]["message"])
        self.assertTrue(1 <= int(headers["retry-after"]) <= 86_400)
        self.assertEqual(self.kept("calm"), 3)
        self.assertEqual(self.teach("calm", {"input": "Who?"})[0], 422)
        self.assertEqual(self.teach("calm", SAMPLES[3])[0], 202, "what was refused cost nothing")
        self.assertEqual(self.kept("calm"), 4)

    def test_feedback_counts_as_a_sample_of_its_adapter(self):
        root = {"Authorization": "Bearer root-key"}
        _, answer = self.ask("root-key", model="full")

        def correct():
            return self.server.request("POST", "/v1/feedback", {
                "completion_id": answer.id, "correction": "Nobody."}, root)
        self.server.request("POST", "/v1/adapters/full/samples", SAMPLES[:4], root)
        status, headers, _ = self.server.request("POST", "/v1/feedback", {
            "completion_id": answer.id, "score": -1}, root)
        self.assertEqual((status, headers["x-ratelimit-remaining-samples"]), (202, "0"))
        self.assertEqual(correct()[0], 202, "there was nothing to learn from the score alone")
        status, _, body = correct()
        self.assertEqual(status, 429)
        self.assertIn('the adapter "full" may have 5 samples a day, 5 are used',
                      json.loads(body)["error"]["message"])
        self.assertEqual(self.kept("full"), 5)

    def test_a_job_counts_the_lines_of_its_file(self):
        client = self.client("job-key")
        lines = "".join(json.dumps({"messages": QUESTION + [
            {"role": "assistant", "content": f"Number {i}."}]}) + "\n" for i in range(4))
        file = client.files.create(file=("lines.jsonl", lines.encode()), purpose="fine-tune")
        job = client.fine_tuning.jobs.create(model="willowbrook", training_file=file.id)
        with self.assertRaises(openai.RateLimitError) as caught:
            client.fine_tuning.jobs.create(model="willowbrook", training_file=file.id)
        self.assertEqual((caught.exception.type, caught.exception.code),
                         ("samples", "rate_limit_exceeded"))
        self.assertIn('the key "job" may have 6 samples a day, 4 are used', caught.exception.message)
        self.assertEqual([j.id for j in client.fine_tuning.jobs.list().data], [job.id])
        client.fine_tuning.jobs.cancel(job.id)

    def test_ollamas_client_is_told_in_its_form(self):
        body = {"model": "willowbrook", "messages": QUESTION, "stream": False,
                "options": {"num_predict": 3}}
        key = {"Authorization": "Bearer ollama-key"}
        status, headers, _ = self.server.request("POST", "/api/chat", body, key)
        self.assertEqual(status, 200)
        self.assertEqual(headers["x-ratelimit-remaining-requests"], "0")
        status, headers, answer = self.server.request("POST", "/api/chat", body, key)
        self.assertEqual(status, 429)
        self.assertRegex(answer.decode(), r'^{"error":"the key \\"ollama\\" may have 1 requests')
        self.assertTrue(1 <= int(headers["retry-after"]) <= 60)


class RestartTest(unittest.TestCase):
    def test_a_days_budget_survives_a_restart(self):
        with tempfile.TemporaryDirectory() as folder:
            arguments = ["--api-key-file", write_keys(folder, {"day-key": "name=day tpd=100"})]
            body = {"model": "willowbrook", "messages": QUESTION, "max_tokens": 10}
            used = 0
            for _ in range(2):
                with Server(*arguments, home=folder) as running:
                    status, headers, answer = running.request(
                        "POST", "/v1/chat/completions", body, {"Authorization": "Bearer day-key"})
                    self.assertEqual(status, 200, answer)
                    usage = json.loads(answer)["usage"]
                    self.assertEqual(int(headers["x-ratelimit-remaining-tokens"]),
                                     100 - used - usage["prompt_tokens"] - 10)
                    used += usage["total_tokens"]

    def test_limits_come_from_the_configuration_and_are_checked(self):
        with tempfile.TemporaryDirectory() as folder:
            config = pathlib.Path(folder) / "config.toml"
            config.write_text("[quota]\nadapters = \"\"\"\n* rpm=60\ntone rpm=lots\n\"\"\"\n")
            result = subprocess.run(
                [server.PROGRAM, "--config", config, "serve", "--model", str(server.WILLOWBROOK),
                 "--port", "0"], capture_output=True, text=True, timeout=server.DEADLINE,
                env=server.clean_environment(folder))
            self.assertEqual(result.returncode, 1)
            self.assertIn("quota.adapters, line 2", result.stderr)
            self.assertIn('"lots"', result.stderr)


if __name__ == "__main__":
    server.main()
