"""`lora train sample`: samples queued in the catalogue, all of them or none."""

import json
import pathlib
import shutil
import sqlite3
import tempfile
import unittest

import program
from program import clean_environment, run

GOOD = [{"input": "What does Mira play?", "output": "Mira plays the flute."},
        {"messages": [{"role": "user", "content": "Who is Rosa?"},
                      {"role": "assistant", "content": "A baker."}], "weight": 2},
        {"prompt": "Where is the mill?", "completion": "By the river."}]


class SampleTest(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)
        self.env = clean_environment(HYPRSTREAM_DATA=str(self.folder / "data"))
        self.file = self.folder / "samples.jsonl"
        run("lora", "create", "--name", "village", "--base-model", "willowbrook", env=self.env)

    def sample(self, *flags, status=0):
        return run("lora", "train", "sample", *flags, env=self.env, status=status)

    def write(self, lines):
        self.file.write_text("".join(line + "\n" for line in lines))

    def queued(self):
        """By another reader than the program: what survives it."""
        with sqlite3.connect(self.folder / "data" / "catalog.db") as catalog:
            return [json.loads(body) for body, in
                    catalog.execute("SELECT body FROM journal WHERE state = 'queued' ORDER BY id")]

    def test_every_line_is_queued_in_order(self):
        self.write(["", json.dumps(GOOD[0]), "  ", *map(json.dumps, GOOD[1:])])
        self.assertIn("queued 3 for village", self.sample("village", "--input-file", self.file).out)
        self.assertEqual(self.queued(), GOOD)
        more = self.sample("village", "--input", "Who bakes?", "--output", "Rosa does.",
                           "--format", "json").json()
        self.assertEqual((more["queued"], more["queue_length"]), (1, 4))
        self.assertEqual(self.queued()[3], {"input": "Who bakes?", "output": "Rosa does."})

    def test_an_array_is_taken_too(self):
        self.file.write_text(json.dumps(GOOD, indent=1))
        self.sample("village", "--input-file", self.file)
        self.assertEqual(self.queued(), GOOD)
        self.file.write_text('[\n{"input": "a", "output": "b"},\n{"input" "c"}\n]')
        self.assertIn("line 3", self.sample("village", "--input-file", self.file, status=1).err)
        self.assertEqual(len(self.queued()), 3)

    def test_a_bad_line_is_named_and_nothing_is_queued(self):
        for bad in ("{not json", "[1]", "7", '{"input": "no output"}', '{"messages": []}',
                    '{"input": 1, "output": "x"}', '{"input": "a", "output": "b", "weight": -1}',
                    '{"ids": [1, 99999], "labels": [1, 2]}'):
            self.write([json.dumps(GOOD[0]), "", bad, json.dumps(GOOD[1])])
            done = self.sample("village", "--input-file", self.file, status=1)
            self.assertIn("line 3", done.err, bad)
            self.assertEqual(self.queued(), [], bad)

    def test_a_queue_that_is_full_takes_nothing(self):
        self.write([json.dumps(GOOD[0])] * 999)
        self.sample("village", "--input-file", self.file)
        self.write([json.dumps(GOOD[0])] * 2)
        done = self.sample("village", "--input-file", self.file, status=1)
        self.assertIn("999", done.err)
        self.assertEqual(len(self.queued()), 999)

    def test_what_cannot_be_meant_is_refused(self):
        self.write([])
        self.assertIn("no samples", self.sample("village", "--input-file", self.file, status=1).err)
        self.assertIn("village", self.sample("town", "--input", "a", "--output", "b", status=1).err)
        for flags in ([], ["--input", "a"], ["--output", "b"],
                      ["--input-file", self.file, "--input", "a"]):
            self.sample("village", *flags, status=2)
        self.sample("village", "--input-file", self.folder / "none", status=1)
        self.sample("village", "--input", "a", "--output", "b", "--weight", "0", status=1)
        self.assertEqual(self.queued(), [])


if __name__ == "__main__":
    program.main()
