"""The official OpenAI client sends files for fine-tuning; what is wrong with one is told by line."""

import io
import json
import os
import pathlib
import tempfile
import unittest

import openai

import server
from server import Server


def conversation(question, answer):
    return json.dumps({"messages": [{"role": "user", "content": question},
                                    {"role": "assistant", "content": answer}]}, ensure_ascii=False)


LINES = (conversation("Who is Rosa?", "Rosa is the baker.") + "\n\n" +
         conversation("Was köchelt?", "Die Suppe — \"heiß\".") + "\r\n").encode()


def client_of(running):
    return openai.OpenAI(base_url=running.url + "/v1", api_key="none", max_retries=0)


class FilesTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server().__enter__()
        cls.client = client_of(cls.server)

    @classmethod
    def tearDownClass(cls):
        cls.client.close()
        cls.server.__exit__()

    def send(self, content, name="lines.jsonl", purpose="fine-tune"):
        return self.client.files.create(file=(name, content), purpose=purpose)

    def test_comes_back_as_it_was_sent(self):
        sent = self.send(io.BytesIO(LINES), name="../ein \"ü\".jsonl")
        self.assertRegex(sent.id, "^file-")
        self.assertEqual((sent.object, sent.bytes, sent.purpose, sent.status),
                         ("file", len(LINES), "fine-tune", "processed"))
        self.assertEqual(sent.filename, "ein \"ü\".jsonl")
        self.assertEqual(self.client.files.retrieve(sent.id), sent)
        self.assertEqual(self.client.files.content(sent.id).read(), LINES)
        self.assertEqual(self.client.files.wait_for_processing(sent.id).status, "processed")
        self.assertTrue(self.client.files.delete(sent.id).deleted)
        for gone in (self.client.files.retrieve, self.client.files.content,
                     self.client.files.delete):
            with self.assertRaises(openai.NotFoundError):
                gone(sent.id)
        self.assertEqual(list((self.server.home / "files").iterdir()), [])

    def test_is_listed_page_by_page(self):
        sent = [self.send(LINES, name=f"{i}.jsonl").id for i in range(5)]
        self.assertEqual([f.id for f in self.client.files.list(limit=2)], sent[::-1])
        self.assertEqual([f.id for f in self.client.files.list(limit=2, order="asc")], sent)
        page = self.client.files.list(limit=2, order="asc", after=sent[1])
        self.assertEqual(([f.id for f in page.data], page.has_more), (sent[2:4], True))
        self.assertEqual(self.client.files.list(purpose="assistants").data, [])
        for wrong in ({"limit": 0}, {"order": "up"}):
            with self.assertRaises(openai.BadRequestError):
                self.client.files.list(**wrong)
        with self.assertRaises(openai.NotFoundError):
            self.client.files.list(after="file-none")
        for file in sent:
            self.client.files.delete(file)

    def test_what_is_wrong_is_told_by_line_and_field(self):
        good = conversation("a", "b")
        only_question = '{"messages": [{"role": "user", "content": "x"}]}'
        unlearnt = ('{"messages": [{"role": "user", "content": "x"}, '
                    '{"role": "assistant", "content": "y", "weight": 0}]}')
        for lines, line, field in (
                ([good, "{"], 2, None), ([good, "", "[]"], 3, None), (["{}"], 1, "messages"),
                ([good, only_question], 2, "messages"), ([unlearnt], 1, "messages"),
                ([unlearnt.replace('"weight": 0', '"weight": 2')], 1, "messages[1].weight"),
                ([good, good.replace("user", "wizard")], 2, "messages[0].role"),
                ([good, good.replace('"b"', "7")], 2, "messages[1].content")):
            with self.assertRaises(openai.BadRequestError) as refused:
                self.send("\n".join(lines).encode())
            told = refused.exception.body
            self.assertEqual(told["param"], "file")
            self.assertTrue(told["message"].startswith(f"line {line}"), told)
            if field:
                self.assertIn(f"field {field}:", told["message"])
        for content, purpose, param in ((b"", "fine-tune", "file"), (b"\n \n", "fine-tune", "file"),
                                        (good.encode(), "assistants", "purpose")):
            with self.assertRaises(openai.BadRequestError) as refused:
                self.send(content, purpose=purpose)
            self.assertEqual(refused.exception.body["param"], param)
        self.assertEqual(self.client.files.list().data, [])

    def test_forms_that_are_none(self):
        form = "multipart/form-data; boundary=x"
        part = "--x\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\nfine-tune\r\n"
        file = ("--x\r\ncontent-disposition: form-data; name=file; filename=a.jsonl\r\n\r\n" +
                conversation("a", "b") + "\r\n")
        for kind, body, expected in (
                ("application/json", "{}", 400), (form, "", 400), ("multipart/form-data", "", 400),
                (form, part + "--x--", 400), (form, part + file, 400), (form, "--x--\r\n", 400),
                (form, "--x\r\n\r\nbare\r\n--x--", 400), (form, "--x\r\nname\r\n--x--", 400),
                (form, (part * 100) + "--x--", 400),
                (form, part + file.replace("; filename=a.jsonl", "") + "--x--", 400),
                (form + "; charset=utf-8", "preamble\r\n" + part + file + "--x--", 200)):
            status, _, answer = self.server.request("POST", "/v1/files", body,
                                                    {"Content-Type": kind})
            self.assertEqual(status, expected, (kind, body, answer))
        self.client.files.delete(self.client.files.list().data[0].id)


class FilesStayTest(unittest.TestCase):
    def test_is_there_after_a_kill(self):
        with tempfile.TemporaryDirectory() as home:
            first = Server(home=home).__enter__()
            with client_of(first) as client:
                sent = client.files.create(file=("a.jsonl", LINES), purpose="fine-tune")
            first.process.kill()
            first.__exit__()
            stray = pathlib.Path(home) / "files" / "file-without-an-entry"
            stray.write_bytes(LINES)
            os.utime(stray, (0, 0))
            with Server(home=home) as second, client_of(second) as client:
                self.assertEqual(client.files.retrieve(sent.id), sent)
                self.assertEqual(client.files.content(sent.id).read(), LINES)
                folder = pathlib.Path(home) / "files"
                self.assertEqual([f.name for f in folder.iterdir()], [sent.id])
                (folder / sent.id).write_bytes(b"cut")
                with self.assertRaises(openai.InternalServerError):
                    client.files.content(sent.id)

    def test_is_for_those_who_teach(self):
        with tempfile.TemporaryDirectory() as folder:
            keys = pathlib.Path(folder) / "keys"
            keys.write_text("use-key use\nteach-key teach\n")
            keys.chmod(0o600)
            with Server("--api-key-file", keys) as running:
                base = running.url + "/v1"
                with openai.OpenAI(base_url=base, api_key="use-key", max_retries=0) as user:
                    with self.assertRaises(openai.PermissionDeniedError):
                        user.files.create(file=("a.jsonl", LINES), purpose="fine-tune")
                    with self.assertRaises(openai.PermissionDeniedError):
                        user.files.list()
                with openai.OpenAI(base_url=base, api_key="teach-key", max_retries=0) as teacher:
                    teacher.files.create(file=("a.jsonl", LINES), purpose="fine-tune")
                    self.assertEqual(len(teacher.files.list().data), 1)


if __name__ == "__main__":
    server.main()
