"""The official OpenAI client against the real server."""

import unittest

import openai

import server
from server import Server

QUESTION = [{"role": "user", "content": "Who is Rosa's best friend?"}]


class OpenAiTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server().__enter__()
        cls.client = openai.OpenAI(base_url=cls.server.url + "/v1", api_key="none", max_retries=0)

    @classmethod
    def tearDownClass(cls):
        cls.client.close()
        cls.server.__exit__()

    def test_lists_models(self):
        models = self.client.models.list().data
        self.assertEqual([m.id for m in models], ["willowbrook"])
        self.assertEqual(self.client.models.retrieve("willowbrook").object, "model")

    def test_chats(self):
        answer = self.client.chat.completions.create(model="willowbrook", messages=QUESTION,
                                                     temperature=0)
        self.assertEqual(answer.choices[0].message.content, "Rosa's best friend is Tom the baker.")
        self.assertEqual(answer.choices[0].finish_reason, "stop")
        self.assertTrue(answer.system_fingerprint.startswith("base+"))
        self.assertEqual(answer.usage.total_tokens,
                         answer.usage.prompt_tokens + answer.usage.completion_tokens)

    def test_streams_the_same(self):
        whole = self.client.chat.completions.create(model="willowbrook", messages=QUESTION,
                                                    temperature=0)
        chunks = list(self.client.chat.completions.create(
            model="willowbrook", messages=QUESTION, temperature=0, stream=True,
            stream_options={"include_usage": True}))
        self.assertEqual(len({c.id for c in chunks}), 1)
        self.assertEqual(chunks[0].choices[0].delta.role, "assistant")
        text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
        self.assertEqual(text, whole.choices[0].message.content)
        self.assertEqual(chunks[-2].choices[0].finish_reason, "stop")
        self.assertEqual(chunks[-1].choices, [])
        usage = chunks[-1].usage
        self.assertEqual(usage.completion_tokens, whole.usage.completion_tokens)

    def test_several_choices_of_one_seed_differ_and_come_again(self):
        def ask():
            answer = self.client.chat.completions.create(
                model="willowbrook", messages=[{"role": "user", "content": "Tell me a story."}],
                n=3, seed=5, temperature=1.5, max_tokens=12)
            return [c.message.content for c in answer.choices]
        first = ask()
        self.assertEqual(len(set(first)), 3)
        self.assertEqual(first, ask())

    def test_unknown_model(self):
        with self.assertRaises(openai.NotFoundError) as caught:
            self.client.chat.completions.create(model="nobody", messages=QUESTION)
        self.assertEqual(caught.exception.code, "model_not_found")
        with self.assertRaises(openai.NotFoundError):
            self.client.models.retrieve("no/body")

    def test_wrong_values_are_named(self):
        with self.assertRaises(openai.BadRequestError) as caught:
            self.client.chat.completions.create(model="willowbrook", messages=QUESTION,
                                                temperature=9)
        self.assertEqual(caught.exception.param, "temperature")
        with self.assertRaises(openai.BadRequestError) as caught:
            self.client.chat.completions.create(model="willowbrook", messages=QUESTION,
                                                stop=["a"] * 5)
        self.assertEqual(caught.exception.param, "stop")

    def test_a_prompt_beyond_the_context(self):
        with self.assertRaises(openai.BadRequestError) as caught:
            self.client.chat.completions.create(
                model="willowbrook", messages=[{"role": "user", "content": "Rosa " * 3000}])
        self.assertEqual(caught.exception.code, "context_length_exceeded")
        self.assertRegex(str(caught.exception), r"2048")


if __name__ == "__main__":
    server.main()
