"""Answers in a form that is asked for, by the official clients; the forms are checked by jsonschema."""

import json
import unittest

import jsonschema
import ollama
import openai

import server
from server import Server

QUESTION = [{"role": "user", "content": "Who is Rosa?"}]
PERSON = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "minLength": 1, "maxLength": 20},
        "age": {"type": "integer", "minimum": 0, "maximum": 120},
        "mood": {"enum": ["glad", "sad", None]},
        "friends": {"type": "array", "maxItems": 2, "items": {"$ref": "#/$defs/friend"}},
    },
    "required": ["name", "age", "mood", "friends"],
    "additionalProperties": False,
    "$defs": {"friend": {"anyOf": [{"type": "null"}, {"type": "string", "maxLength": 8}]}},
}
TREE = {
    "type": "object",
    "properties": {"left": {"anyOf": [{"$ref": "#"}, {"type": "null"}]},
                   "leaf": {"type": "boolean"}},
    "required": ["left", "leaf"],
}


def schema_format(schema):
    return {"type": "json_schema",
            "json_schema": {"name": "form", "schema": schema, "strict": True}}


class FormatTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server().__enter__()
        cls.client = openai.OpenAI(base_url=cls.server.url + "/v1", api_key="none", max_retries=0)

    @classmethod
    def tearDownClass(cls):
        cls.client.close()
        cls.server.__exit__()

    def ask(self, response_format, **fields):
        return self.client.chat.completions.create(
            model="willowbrook", messages=QUESTION, response_format=response_format,
            **{"max_tokens": 400, **fields})

    def test_fits_the_schema_however_it_is_drawn(self):
        for schema in (PERSON, TREE):
            for temperature in (0, 1):
                for seed in range(5):
                    answer = self.ask(schema_format(schema), temperature=temperature, seed=seed,
                                      n=2)
                    for choice in answer.choices:
                        with self.subTest(seed=seed, text=choice.message.content):
                            self.assertEqual(choice.finish_reason, "stop")
                            jsonschema.validate(json.loads(choice.message.content), schema)

    def test_streams_the_same(self):
        whole = self.ask(schema_format(PERSON), temperature=1, seed=3)
        chunks = list(self.ask(schema_format(PERSON), temperature=1, seed=3, stream=True))
        text = "".join(c.choices[0].delta.content or "" for c in chunks)
        self.assertEqual(text, whole.choices[0].message.content)
        self.assertEqual(chunks[-1].choices[0].finish_reason, "stop")

    def test_gives_an_object(self):
        answer = self.ask({"type": "json_object"}, temperature=1, seed=1, n=3)
        for choice in answer.choices:
            text = choice.message.content
            self.assertTrue(text.startswith("{"), text)
            if choice.finish_reason == "stop":
                self.assertIsInstance(json.loads(text), dict)

    def test_plain_text_is_as_without_a_form(self):
        plain = self.client.chat.completions.create(model="willowbrook", messages=QUESTION,
                                                    temperature=0)
        self.assertEqual(self.ask({"type": "text"}, temperature=0).choices[0].message.content,
                         plain.choices[0].message.content)

    def test_refuses_by_name(self):
        with self.assertRaises(openai.BadRequestError) as caught:
            self.ask(schema_format({"type": "object", "properties": {
                "a": {"type": "string", "pattern": "x"}}}))
        self.assertEqual(caught.exception.param,
                         "response_format.json_schema.schema.properties.a.pattern")
        self.assertIn("pattern", caught.exception.message)
        with self.assertRaises(openai.BadRequestError) as caught:
            self.ask({"type": "xml"})
        self.assertEqual(caught.exception.param, "response_format.type")
        with self.assertRaises(openai.BadRequestError):
            self.ask(schema_format({"$ref": "#"}))

    def test_ollama_has_it_too(self):
        client = ollama.Client(host=self.server.url)
        chat = client.chat(model="willowbrook", messages=QUESTION, format=PERSON,
                           options={"temperature": 1, "seed": 2})
        jsonschema.validate(json.loads(chat.message.content), PERSON)
        told = client.generate(model="willowbrook", prompt="Who is Rosa?", format=TREE,
                               options={"temperature": 0})
        jsonschema.validate(json.loads(told.response), TREE)
        with self.assertRaisesRegex(ollama.ResponseError, "uniqueItems"):
            client.chat(model="willowbrook", messages=QUESTION, format={"uniqueItems": True})


if __name__ == "__main__":
    server.main()
