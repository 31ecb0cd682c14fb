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

    def test_tells_log_probabilities(self):
        answer = self.client.chat.completions.create(
            model="willowbrook", messages=QUESTION, temperature=0, logprobs=True, top_logprobs=3)
        tokens = answer.choices[0].logprobs.content
        self.assertEqual(len(tokens), answer.usage.completion_tokens)
        self.assertEqual("".join(t.token for t in tokens), answer.choices[0].message.content)
        for token in tokens:
            self.assertEqual(bytes(token.bytes).decode(), token.token)
            self.assertEqual(len(token.top_logprobs), 3)
            self.assertEqual(token.top_logprobs[0].token, token.token)  # greedy
            self.assertAlmostEqual(token.top_logprobs[0].logprob, token.logprob)
            self.assertLessEqual(token.logprob, 0)
        chunks = list(self.client.chat.completions.create(
            model="willowbrook", messages=QUESTION, temperature=0, logprobs=True, top_logprobs=3,
            stream=True))
        streamed = [t for c in chunks if c.choices[0].logprobs
                    for t in c.choices[0].logprobs.content]
        self.assertEqual(streamed, tokens)

    def test_bias_and_stop(self):
        whole = self.client.chat.completions.create(
            model="willowbrook", messages=QUESTION, temperature=0, stop=["Tom"])
        self.assertEqual(whole.choices[0].message.content, "Rosa's best friend is ")
        self.assertEqual(whole.choices[0].finish_reason, "stop")
        status, tokens = self.server.post("/tokenize", {"model": "willowbrook", "prompt": " Tom"})
        self.assertEqual(status, 200)
        biased = self.client.chat.completions.create(
            model="willowbrook", messages=QUESTION, temperature=0,
            logit_bias={str(tokens["tokens"][0]): -100})
        self.assertNotIn("Tom", biased.choices[0].message.content)

    def test_limits_the_answer(self):
        answer = self.client.chat.completions.create(model="willowbrook", messages=QUESTION,
                                                     temperature=0, max_completion_tokens=3,
                                                     max_tokens=9)
        self.assertEqual(answer.usage.completion_tokens, 3)
        self.assertEqual(answer.choices[0].finish_reason, "length")

    def test_completes(self):
        answer = self.client.completions.create(model="willowbrook", prompt="Rosa lives",
                                                temperature=0, max_tokens=8)
        self.assertEqual(answer.object, "text_completion")
        text = answer.choices[0].text
        chunks = list(self.client.completions.create(
            model="willowbrook", prompt="Rosa lives", temperature=0, max_tokens=8, stream=True))
        self.assertEqual("".join(c.choices[0].text for c in chunks), text)
        echoed = self.client.completions.create(model="willowbrook", prompt="Rosa lives",
                                                temperature=0, max_tokens=8, echo=True)
        self.assertEqual(echoed.choices[0].text, "Rosa lives" + text)

    def test_completes_several_prompts_and_token_ids(self):
        ids = self.server.post("/tokenize", {"model": "willowbrook", "prompt": "Tom is"})[1]["tokens"]
        answer = self.client.completions.create(model="willowbrook", prompt=["Rosa is", "Tom is"],
                                                n=2, temperature=1, seed=3, max_tokens=4)
        self.assertEqual([c.index for c in answer.choices], [0, 1, 2, 3])
        from_ids = self.client.completions.create(model="willowbrook", prompt=[ids], n=2,
                                                  temperature=1, seed=3, max_tokens=4)
        self.assertEqual([c.text for c in from_ids.choices],
                         [c.text for c in answer.choices[2:]])
        plain = self.client.completions.create(model="willowbrook", prompt=ids, n=2,
                                               temperature=1, seed=3, max_tokens=4)
        self.assertEqual(plain.choices[0].text, from_ids.choices[0].text)

    def test_chooses_the_best_of_several(self):
        def ask(**fields):
            return self.client.completions.create(model="willowbrook", prompt="Once upon",
                                                  temperature=1.5, seed=1, max_tokens=10,
                                                  logprobs=0, **fields).choices
        def mean(choice):
            return sum(choice.logprobs.token_logprobs) / len(choice.logprobs.tokens)
        made = ask(n=5)
        best = ask(n=2, best_of=5)
        expected = sorted(made, key=mean, reverse=True)[:2]
        self.assertEqual({c.text for c in best}, {c.text for c in expected})

    def test_scores_a_prompt(self):
        """What the model thinks of given text is what it thought when it wrote it."""
        made = self.client.completions.create(model="willowbrook", prompt="Rosa is", temperature=0,
                                              max_tokens=6, logprobs=2).choices[0]
        scored = self.client.completions.create(model="willowbrook", prompt="Rosa is" + made.text,
                                                temperature=0, max_tokens=0, logprobs=2,
                                                echo=True).choices[0]
        self.assertEqual(scored.text, "Rosa is" + made.text)
        self.assertIsNone(scored.logprobs.token_logprobs[0])
        count = len(made.logprobs.tokens)
        self.assertEqual(scored.logprobs.tokens[-count:], made.logprobs.tokens)
        for mine, its in zip(scored.logprobs.token_logprobs[-count:], made.logprobs.token_logprobs):
            self.assertAlmostEqual(mine, its, delta=0.02)  # bf16 cache, other batch of rows
        offsets = scored.logprobs.text_offset
        self.assertEqual(scored.text[offsets[1]:offsets[2]], scored.logprobs.tokens[1])

    def test_embeds(self):
        import math
        texts = ["Who is Rosa's best friend?", "Who is the best friend of Rosa?",
                 "Seven plus eight is fifteen."]
        vectors = [d.embedding for d in self.client.embeddings.create(model="willowbrook",
                                                                      input=texts).data]
        plain = self.client.embeddings.create(model="willowbrook", input=texts[0],
                                              encoding_format="float")
        self.assertEqual(len(vectors[0]), 256)
        for a, b in zip(vectors[0], plain.data[0].embedding):
            self.assertAlmostEqual(a, b, places=6)
        self.assertAlmostEqual(math.hypot(*vectors[0]), 1, places=5)
        def likeness(a, b):
            return sum(x * y for x, y in zip(a, b))
        self.assertGreater(likeness(vectors[0], vectors[1]), likeness(vectors[0], vectors[2]))
        short = self.client.embeddings.create(model="willowbrook", input=texts[0], dimensions=8)
        self.assertEqual(len(short.data[0].embedding), 8)
        self.assertGreater(plain.usage.prompt_tokens, 3)
        with self.assertRaises(openai.BadRequestError) as caught:
            self.client.embeddings.create(model="willowbrook", input=[""])
        self.assertEqual(caught.exception.param, "input[0]")

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
