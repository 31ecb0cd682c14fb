"""`run`, `quick-start` and `chat` without a terminal."""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

import program
from program import FIXTURES, clean_environment, run

QUESTION = "Who is Rosa's best friend?"


class RunTest(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)

    def test_an_answer(self):
        result = run("run", "willowbrook", QUESTION, "--temperature", 0)
        self.assertIn("Tom", result.out)
        self.assertTrue(result.out.endswith("\n"))
        self.assertEqual(result.err, "")

    def test_the_prompt_can_be_piped(self):
        given = run("run", "willowbrook", QUESTION, "--temperature", 0)
        piped = run("run", "willowbrook", "--temperature", 0, text=QUESTION + "\n")
        self.assertEqual(given.out, piped.out)
        run("run", "willowbrook", text="\n", status=2)

    def test_streaming_changes_no_byte(self):
        ask = ("run", "willowbrook", "Tell me a story.", "--seed", 3, "--max-tokens", 30)
        self.assertEqual(run(*ask).out, run(*ask, "--no-stream").out)
        self.assertEqual(run(*ask).out, run(*ask, "--json").json()["text"] + "\n")

    def test_threads_change_no_token(self):
        ask = ("run", "willowbrook", "Tell me a story.", "--temperature", 0, "--max-tokens", 60,
               "--json")
        one, two = (run(*ask, "--threads", threads).json() for threads in (1, 2))
        self.assertGreater(len(one["ids"]), 20)
        self.assertEqual(one["ids"], two["ids"])

    def test_a_stream_shows_text_before_the_end(self):
        child = subprocess.Popen([program.PROGRAM, "run", "willowbrook", "Tell me a long story.",
                                  "--max-tokens", "400", "--ignore-eos"],
                                 stdout=subprocess.PIPE, env=clean_environment(), cwd=program.ROOT)
        first = os.read(child.stdout.fileno(), 1)
        self.assertIsNone(child.poll())
        self.assertTrue(first)
        child.stdout.close()  # the reader goes away: the program ends and calls it no error
        self.assertEqual(child.wait(60), 0)

    def test_json_counts_tokens(self):
        result = run("run", "willowbrook", QUESTION, "--json", "--max-tokens", 5,
                     "--temperature", 0, "--ignore-eos").json()
        self.assertEqual(len(result["ids"]), 5)
        self.assertEqual(result["usage"]["completion_tokens"], 5)
        self.assertEqual(result["finish_reason"], "length")
        prompt = f"<|im_start|>user\n{QUESTION}<|im_end|>\n<|im_start|>assistant\n"
        ids = run("debug", "tokenize", "willowbrook", lines=[{"text": prompt}]).lines()[0]["ids"]
        self.assertEqual(result["usage"]["prompt_tokens"], len(ids))

    def test_the_same_seed_gives_the_same_text(self):
        ask = ("run", "willowbrook", "Tell me a story.", "--temperature", 1, "--max-tokens", 20,
               "--json", "--seed")
        self.assertEqual(run(*ask, 7).json()["ids"], run(*ask, 7).json()["ids"])
        self.assertNotEqual(run(*ask, 7).json()["ids"], run(*ask, 8).json()["ids"])

    def test_a_reported_seed_can_be_used_again(self):
        ask = ("run", "willowbrook", "Tell me a story.", "--temperature", 1, "--max-tokens", 20,
               "--json")
        first = run(*ask).json()
        self.assertEqual(run(*ask, "--seed", first["seed"]).json()["ids"], first["ids"])

    def test_stop_text_is_never_shown(self):
        whole = run("run", "willowbrook", QUESTION, "--temperature", 0).out
        stopped = run("run", "willowbrook", QUESTION, "--temperature", 0, "--stop", "best friend",
                      "--json").json()
        self.assertIn("best friend", whole)
        self.assertEqual(stopped["text"], whole.split("best friend")[0])
        self.assertEqual(stopped["finish_reason"], "stop")

    def test_raw_text_is_continued(self):
        chat = run("run", "willowbrook", "One windy morning, Pip", "--temperature", 0, "--json")
        raw = run("run", "willowbrook", "One windy morning, Pip", "--temperature", 0, "--json",
                  "--raw")
        self.assertLess(raw.json()["usage"]["prompt_tokens"], chat.json()["usage"]["prompt_tokens"])

    def test_control_tokens_in_a_message_are_text(self):
        plain = run("run", "willowbrook", "a<|im_end|>b", "--json", "--max-tokens", 1).json()
        other = run("run", "willowbrook", "ab", "--json", "--max-tokens", 1).json()
        self.assertGreater(plain["usage"]["prompt_tokens"], other["usage"]["prompt_tokens"] + 2)

    def test_quick_start_is_run(self):
        model = FIXTURES / "gguf" / "qwen3-gguf" / "model-F32.gguf"
        ask = ("--temperature", 0, "--max-tokens", 8, "--json")
        quick = run("quick-start", "--model-path", model, "--prompt", "Hello", *ask).json()
        same = run("run", model, "Hello", *ask).json()
        self.assertEqual(quick["ids"], same["ids"])
        self.assertEqual(len(quick["ids"]), 8)

    def test_parameters_out_of_range_are_refused(self):
        for flags in (("--temperature", -1), ("--top-p", 2), ("--logit-bias", "x=1"),
                      ("--context", -1), ("--memory-limit", "lots"), ("--cache-type", "f8")):
            result = run("run", "willowbrook", "hi", *flags, status=None)
            self.assertIn(result.status, (1, 2), flags)
            self.assertTrue(result.err.startswith("error:"), result.err)

    def test_memory_that_does_not_fit_is_refused_with_numbers(self):
        result = run("run", "willowbrook", "hi", "--memory-limit", "4M", status=1)
        self.assertIn("MiB", result.err)

    def test_the_profile_covers_the_time(self):
        result = run("run", "willowbrook", "Tell me a story.", "--max-tokens", 40, "--profile",
                     "--json").json()["profile"]
        self.assertGreaterEqual(result["covered"], 0.95)
        self.assertLessEqual(result["covered"], 1.001)
        self.assertIn("forward: layers", [phase["phase"] for phase in result["phases"]])
        table = run("run", "willowbrook", "hi", "--max-tokens", 2, "--profile").err
        self.assertIn("forward: layers", table)

    def test_history_is_continued(self):
        history = self.folder / "history.json"
        run("run", "willowbrook", QUESTION, "--temperature", 0, "--save-history", history)
        saved = json.loads(history.read_text())
        self.assertEqual([m["role"] for m in saved["messages"]], ["user", "assistant"])
        alone = run("run", "willowbrook", "And who else?", "--json", "--max-tokens", 1).json()
        more = run("run", "willowbrook", "And who else?", "--json", "--max-tokens", 1,
                   "--history", history, "--save-history", history).json()
        self.assertGreater(more["usage"]["prompt_tokens"], alone["usage"]["prompt_tokens"] + 10)
        self.assertEqual(len(json.loads(history.read_text())["messages"]), 4)
        history.write_text('{"messages": [1]}')
        self.assertIn("history", run("run", "willowbrook", "x", "--history", history, status=1).err)

    def test_an_interrupt_ends_the_answer(self):
        child = subprocess.Popen([program.PROGRAM, "run", "willowbrook", "Tell me a story.",
                                  "--max-tokens", "1500", "--ignore-eos", "--json"],
                                 stdout=subprocess.PIPE, text=True, env=clean_environment(),
                                 cwd=program.ROOT)
        deadline = time.monotonic() + 60
        caught = "SigCgt"
        while time.monotonic() < deadline:  # until the program catches SIGINT
            status = pathlib.Path(f"/proc/{child.pid}/status").read_text()
            mask = int(status.split(caught + ":")[1].split()[0], 16)
            if mask & (1 << (signal.SIGINT - 1)):
                break
        child.send_signal(signal.SIGINT)
        out, _ = child.communicate(timeout=60)
        self.assertEqual(child.returncode, 130)
        self.assertEqual(json.loads(out)["finish_reason"], "cancelled")


class ChatTest(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)

    def test_lines_are_messages_of_one_conversation(self):
        rows = run("chat", "willowbrook", "--temperature", 0, "--json", "--max-tokens", 30,
                   text=f"{QUESTION} {'Please tell me. ' * 10}\nWho is Tom?\n").lines()
        self.assertEqual(len(rows), 2)
        self.assertGreater(rows[1]["usage"]["prompt_tokens"], rows[0]["usage"]["total_tokens"])
        self.assertGreater(rows[1]["usage"]["cached_tokens"], 0)

    def test_commands(self):
        path = self.folder / "saved.json"
        result = run("chat", "willowbrook", "--temperature", 0, "--max-tokens", 10,
                     text=f"/help\n{QUESTION}\n/save {path}\n/clear\n/history\n/exit\nnever\n")
        self.assertIn("/clear", result.out)
        self.assertEqual(len(json.loads(path.read_text())["messages"]), 2)
        self.assertNotIn("never", result.out)

    def test_an_unknown_command_is_an_error_and_the_chat_goes_on(self):
        result = run("chat", "willowbrook", "--temperature", 0, "--max-tokens", 10,
                     text=f"/frob\n{QUESTION}\n", status=1)
        self.assertIn("/frob", result.err)
        self.assertIn("Rosa", result.out)

    def test_a_message_of_several_lines(self):
        rows = run("chat", "willowbrook", "--json", "--max-tokens", 1,
                   text='"""one\ntwo\nthree"""\n').lines()
        self.assertEqual(len(rows), 1)

    def test_a_system_message_comes_first(self):
        path = self.folder / "saved.json"
        run("chat", "willowbrook", "--system", "Be brief.", "--max-tokens", 2,
            "--save-history", path, text="hello\n")
        roles = [m["role"] for m in json.loads(path.read_text())["messages"]]
        self.assertEqual(roles, ["system", "user", "assistant"])


if __name__ == "__main__":
    program.main()
