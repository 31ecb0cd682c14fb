"""The official Ollama client against the real server."""

import json
import unittest

import ollama

import server
from server import Server

QUESTION = [{"role": "user", "content": "Who is Rosa's best friend?"}]
ANSWER = "Rosa's best friend is Tom the baker."
GREEDY = {"temperature": 0}


class OllamaTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server().__enter__()
        cls.client = ollama.Client(host=cls.server.url)

    @classmethod
    def tearDownClass(cls):
        cls.server.__exit__()

    def test_lists_and_shows_models(self):
        models = self.client.list().models
        self.assertEqual([m.model for m in models], ["willowbrook"])
        self.assertEqual(models[0].details.parameter_size, "5.8M")
        self.assertEqual(self.client.ps().models[0].model, "willowbrook")
        shown = self.client.show("willowbrook")
        self.assertIn("completion", shown.capabilities)
        self.assertIn("<|im_start|>", shown.template)
        self.assertEqual(shown.modelinfo["general.architecture"], "qwen3")

    def test_chats(self):
        answer = self.client.chat("willowbrook", QUESTION, options=GREEDY)
        self.assertEqual(answer.message.content, ANSWER)
        self.assertEqual(answer.done_reason, "stop")
        self.assertGreater(answer.prompt_eval_count, 5)
        self.assertGreater(answer.eval_duration, 0)
        self.assertGreaterEqual(answer.total_duration, answer.eval_duration)

    def test_streams_the_same(self):
        lines = list(self.client.chat("willowbrook", QUESTION, options=GREEDY, stream=True))
        self.assertEqual("".join(line.message.content for line in lines), ANSWER)
        self.assertEqual([line.done for line in lines], [False] * (len(lines) - 1) + [True])
        self.assertGreater(len(lines), 5)

    def test_generates_and_goes_on_from_a_context(self):
        first = self.client.generate("willowbrook", "Who is Rosa's best friend?", options=GREEDY)
        self.assertEqual(first.response, ANSWER)
        second = self.client.generate("willowbrook", "Who is Tom?", context=first.context,
                                      options=GREEDY)
        self.assertEqual(second.context[:len(first.context)], first.context)
        chat = self.client.chat("willowbrook", options=GREEDY, messages=[
            *QUESTION, {"role": "assistant", "content": ANSWER},
            {"role": "user", "content": "Who is Tom?"}])
        self.assertGreater(len(second.response), 0)
        self.assertGreater(len(chat.message.content), 0)

    def test_continues_raw_text(self):
        raw = self.client.generate("willowbrook", "Rosa lives", raw=True,
                                   options={**GREEDY, "num_predict": 3})
        self.assertEqual(raw.eval_count, 3)
        self.assertEqual(raw.done_reason, "length")
        status, plain = self.server.post("/v1/completions", {
            "model": "willowbrook", "prompt": "Rosa lives", "temperature": 0, "max_tokens": 3})
        self.assertEqual(status, 200)
        self.assertEqual(raw.response, plain["choices"][0]["text"])

    def test_options(self):
        stopped = self.client.chat("willowbrook", QUESTION, options={**GREEDY, "stop": ["Tom"]})
        self.assertEqual(stopped.message.content, "Rosa's best friend is ")
        def seeded(seed):
            return self.client.generate("willowbrook", "Tell me a story.",
                                        options={"seed": seed, "temperature": 1.5,
                                                 "num_predict": 10}).response
        self.assertEqual(seeded(3), seeded(3))
        self.assertNotEqual(seeded(3), seeded(4))

    def test_num_ctx_bounds_prompt_and_answer(self):
        told = self.client.generate("willowbrook", "Tell me a story about Rosa.",
                                    options={**GREEDY, "num_ctx": 40})
        self.assertEqual(told.prompt_eval_count + told.eval_count, 40)
        self.assertEqual(told.done_reason, "length")
        with self.assertRaises(ollama.ResponseError) as caught:
            self.client.generate("willowbrook", "Rosa lives", raw=True, options={"num_ctx": 2})
        self.assertEqual(caught.exception.status_code, 400)
        self.assertIn("context of 2", caught.exception.error)
        # More than the server has is no error, as long as the answer fits.
        self.assertEqual(self.client.chat("willowbrook", QUESTION, options={
            **GREEDY, "num_ctx": 10_000_000}).message.content, ANSWER)

    def test_a_chat_longer_than_the_context_loses_its_oldest_messages(self):
        told = [message for i in range(30) for message in (
            {"role": "user", "content": f"Question {i}?"},
            {"role": "assistant", "content": f"That is answer number {i}."})]
        system = {"role": "system", "content": "Be kind."}
        def ask(messages, context=100, **more):
            answer = self.client.chat("willowbrook", messages,
                                      options={**GREEDY, "num_ctx": context, "num_predict": 8}, **more)
            return answer.message.content, answer.prompt_eval_count
        # What is kept is as much as fits: the system's words and the latest of the others.
        kept = ask([system, *told, *QUESTION])
        self.assertIn(kept, [ask([system, *told[i:], *QUESTION], 4000) for i in range(0, 60, 2)])
        self.assertLess(kept[1], 100)
        self.assertGreater(kept[1], 100 - ask(told[:2])[1])
        # The answers of a tool are the latest message: it stays, though it is not the user's.
        tool = {"role": "tool", "content": "42", "tool_name": "count"}
        self.assertLess(ask([*told, *QUESTION, tool])[1], 100)
        for refused in (lambda: self.server.post("/api/chat", {
                "model": "willowbrook", "messages": [*told, *QUESTION], "truncate": False,
                "options": {"num_ctx": 100}}),
                lambda: self.server.post("/api/chat", {
                    "model": "willowbrook", "options": {"num_ctx": 100}, "messages": [
                        *told, {"role": "user", "content": "Who is Rosa? " * 100}]}),
                lambda: self.server.post("/v1/chat/completions", {
                    "model": "willowbrook", "messages": [*told * 20, *QUESTION]})):
            status, answer = refused()
            self.assertEqual(status, 400, answer)

    def test_repeat_last_n_is_64_unless_asked_otherwise(self):
        def answer(**options):
            return self.client.generate("willowbrook", "Tell me a story about Rosa.", options={
                **GREEDY, "repeat_penalty": 1.4, "num_predict": 200, **options}).response
        answers = {n: answer(repeat_last_n=n) for n in (0, 64, -1)}
        self.assertEqual(len(set(answers.values())), 3)
        self.assertEqual(answer(), answers[64])
        self.assertEqual(answers[0], answer(repeat_penalty=1.0))

    def test_log_probabilities(self):
        answer = self.client.chat("willowbrook", QUESTION, options=GREEDY, logprobs=True,
                                  top_logprobs=2)
        self.assertEqual("".join(t.token for t in answer.logprobs), ANSWER)
        self.assertEqual(len(answer.logprobs[0].top_logprobs), 2)

    def test_loads(self):
        self.assertEqual(self.client.generate("willowbrook").done_reason, "load")
        self.assertEqual(self.client.generate("willowbrook", keep_alive=0).done_reason, "unload")

    def test_embeds(self):
        many = self.client.embed("willowbrook", ["Rosa", "Tom the baker"])
        self.assertEqual(len(many.embeddings), 2)
        one = self.client.embeddings("willowbrook", "Rosa")
        for a, b in zip(one.embedding, many.embeddings[0]):
            self.assertAlmostEqual(a, b, places=6)

    def test_errors_have_its_form(self):
        with self.assertRaises(ollama.ResponseError) as caught:
            self.client.chat("nobody", QUESTION)
        self.assertEqual(caught.exception.status_code, 404)
        self.assertIn("nobody", caught.exception.error)
        status, body = self.server.post("/api/chat", {
            "model": "willowbrook", "messages": QUESTION, "options": {"temperature": "hot"}})
        self.assertEqual(status, 400)
        self.assertEqual(list(body), ["error"])
        self.assertIn("options.temperature", body["error"])
        status, body = self.server.post("/api/generate", "{")
        self.assertEqual((status, list(body)), (400, ["error"]))
        status, body = self.server.get("/api/nothing")
        self.assertEqual((status, list(body)), (404, ["error"]))

    def test_lines_end_as_they_should(self):
        status, headers, body = self.server.request(
            "POST", "/api/chat", {"model": "willowbrook:latest", "messages": QUESTION})
        self.assertEqual(status, 200)
        self.assertEqual(headers["content-type"], "application/x-ndjson")
        self.assertTrue(body.endswith(b"\n"))
        for line in body.splitlines():
            json.loads(line)

    def test_says_that_it_runs(self):
        self.assertEqual(self.server.request("GET", "/")[2], b"Ollama is running")
        self.assertEqual(self.server.request("HEAD", "/")[0], 200)


if __name__ == "__main__":
    server.main()
