"""`pull` from a hub that does what it should: whole, side by side, resumed, shown."""

import json
import os
import pathlib
import pty
import re
import signal
import subprocess
import threading

from pulling import CHUNK, MODEL, PullCase, noise, program, run
from program import FIXTURES


class WholeTest(PullCase):
    def test_a_model_arrives_and_is_used_by_name(self):
        files = {p.name: p.read_bytes() for p in MODEL.iterdir()
                 if p.suffix == ".json" or p.name == "model.safetensors"}
        commit = self.hub.add("org/real", files | {"pytorch_model.bin": b"x" * 20_000,
                                                   "model.py": b"import os"})
        result = self.pulled("org/real")
        self.assertEqual(result["revision"], commit)
        self.assertLessEqual({"config.json", "model.safetensors"},
                             {f["path"] for f in result["files"]})
        self.assertNotIn("pytorch_model.bin", [f["path"] for f in result["files"]])
        self.assertFalse(self.hub.find(matching="model.py"))
        self.assertEqual(pathlib.Path(result["path"]),
                         self.models / "hf" / "org" / "real" / commit)
        for path in ("config.json", "model.safetensors"):
            self.assertEqual((pathlib.Path(result["path"]) / path).read_bytes(), files[path])

    def test_the_token_stays_with_the_hub(self):
        _, files = self.small()
        self.hub.repositories["org/small"].private = True
        result = self.pulled("org/small", HF_TOKEN="hf_goodtokengoodtoken")
        self.assert_whole(result, files)
        self.assertTrue(self.hub.find("storage"))
        for kind, method, path, headers in self.hub.find():
            self.assertEqual("Authorization" in headers, kind == "hub", (method, path))
            self.assertTrue(headers["User-Agent"].startswith("hyprstream/"))

    def test_the_token_stays_with_the_hub_when_a_download_is_redirected(self):
        _, files = self.small()
        self.hub.faults.redirect_small = True
        self.assert_whole(self.pulled("org/small", HF_TOKEN="hf_goodtokengoodtoken"), files)
        self.assertTrue(self.hub.find("storage", matching="config.json"))
        self.assertFalse([r for r in self.hub.find("storage") if "Authorization" in r[3]])

    def test_a_second_pull_fetches_nothing(self):
        self.small()
        self.pull("org/small")
        self.hub.forget()
        result = self.pulled("org/small")
        self.assertEqual(result["fetched"], 0)
        self.assertEqual(sum(self.hub.sent.values()), 0)
        self.assertEqual(self.hub.find(method="HEAD"), [])

    def test_force_fetches_again(self):
        _, files = self.small()
        self.pull("org/small")
        result = self.pulled("org/small", "--force")
        self.assertEqual(result["fetched"], sum(map(len, files.values())))

    def test_pull_repairs_a_flipped_byte(self):
        _, files = self.small()
        path = pathlib.Path(self.pulled("org/small")["path"]) / "model.safetensors"
        path.chmod(0o644)
        with path.open("r+b") as file:
            file.seek(1000)
            byte = file.read(1)
            file.seek(1000)
            file.write(bytes([byte[0] ^ 1]))
        result = self.pull("org/small")
        self.assertIn("damaged", result.err)
        self.assertEqual(path.read_bytes(), files["model.safetensors"])

    def test_revisions_are_pinned(self):
        first, old = self.small()
        second, new = self.small(**{"config.json": b'{"model_type": "llama"}'})
        self.assertEqual(self.pulled("org/small")["revision"], second)
        self.assert_whole(self.pulled("org/small@" + first), old)
        self.assert_whole(self.pulled("hf://org/small", "--revision", "main"), new)
        self.hub.repositories["org/small"].refs["refs/pr/1"] = first
        self.assertEqual(self.pulled("org/small@refs/pr/1")["revision"], first)

    def test_files_are_chosen(self):
        self.small(**{"extra/notes.txt": b"x", "pytorch_model.bin": b"y"})
        result = self.pulled("org/small", "--files", "extra/notes.txt,*.bin")
        self.assertEqual([f["path"] for f in result["files"]],
                         ["extra/notes.txt", "pytorch_model.bin"])
        refused = self.pull("org/small", "--files", "missing.txt", status=1)
        self.assertIn("extra/notes.txt", refused.err)

    def test_a_gguf_is_chosen_by_its_label(self):
        self.hub.add("org/quants", {"m-Q4_0.gguf": noise(20_000), "m-Q8_0.gguf": noise(30_000),
                                    "README.md": b"hello"})
        refused = self.pull("hf.co/org/quants", status=1)
        self.assertIn("Q4_0", refused.err)
        self.assertIn("Q8_0", refused.err)
        result = self.pulled("hf.co/org/quants:q8_0")
        self.assertEqual([f["path"] for f in result["files"]], ["m-Q8_0.gguf"])

    def test_an_adapter_becomes_one_of_its_base(self):
        peft = FIXTURES / "peft" / "a-all-seven"
        config = json.loads((peft / "adapter_config.json").read_text())
        config["base_model_name_or_path"] = "org/base"
        self.hub.add("org/tone", {
            "adapter_config.json": json.dumps(config).encode(), "README.md": b"# Tone",
            "adapter_model.safetensors": (peft / "adapter_model.safetensors").read_bytes()})
        waiting = self.pull("org/tone").out
        self.assertIn("hyprstream pull org/base && hyprstream lora import", waiting)
        self.hub.add("org/base", {p.name: p.read_bytes() for p in MODEL.iterdir()
                                  if p.suffix == ".json" or p.name == "model.safetensors"})
        self.pull("org/base")
        self.assertTrue(self.pulled("org/tone")["adapter"]["imported"])
        adapters = run("lora", "list", "--format", "json", env=self.env()).json()
        self.assertEqual([(a["name"], "org/base" in a["base_model"]) for a in adapters],
                         [("tone", True)])
        again = self.pulled("org/tone")["adapter"]
        self.assertFalse(again["imported"])

    def test_an_adapter_of_nobody_knows_what(self):
        for base in ("/home/somebody/model", "../x", ""):
            with self.subTest(base):
                config = json.dumps({"peft_type": "LORA", "r": 8, "lora_alpha": 8,
                                     "target_modules": ["q_proj"],
                                     "base_model_name_or_path": base}).encode()
                self.hub.add("org/adapter", {"adapter_config.json": config,
                                             "adapter_model.safetensors": noise(20_000)})
                said = self.pull("org/adapter").out
                self.assertIn("names no base model", said)
                self.assertIn("--base-model BASE", said)

    def test_empty_and_nested_and_oddly_named_files(self):
        files = {"model.safetensors": noise(20_000), "empty.json": b"",
                 "sub/deep/ä b#1%.json": b"{}"}
        self.hub.add("org/odd", files)
        self.assert_whole(self.pulled("org/odd", "--files", "*"), files)

    def test_a_repository_that_was_renamed(self):
        _, files = self.small("new/name")
        self.hub.faults.rename = {"old/name": "new/name"}
        self.assert_whole(self.pulled("old/name", HF_TOKEN="hf_goodtokengoodtoken"), files)

    def test_the_tree_is_read_page_by_page(self):
        _, files = self.small()
        self.hub.faults.hide_siblings = True
        self.hub.faults.page_size = 1
        self.assert_whole(self.pulled("org/small"), files)
        self.assertEqual(len(self.hub.find(matching="/tree/")), 3)
        self.hub.faults.next_elsewhere = True
        self.assertIn("another server", self.pull("org/small", status=1).err)
        self.assertFalse(self.hub.find("storage", matching="/tree/"))


class ParallelTest(PullCase):
    def setUp(self):
        super().setUp()
        self.data = noise(3 * CHUNK + 12_345)
        self.hub.add("org/large", {"model.safetensors": self.data})

    def test_a_large_file_comes_in_parts(self):
        self.assert_whole(self.pulled("org/large"), {"model.safetensors": self.data})
        ranges = [r[3].get("Range") for r in self.hub.find("storage")]
        self.assertEqual(sorted(ranges), sorted(
            f"bytes={begin}-{min(begin + CHUNK, len(self.data)) - 1}"
            for begin in range(0, len(self.data), CHUNK)))

    def test_parts_that_are_cut_are_continued(self):
        self.hub.faults.cut_after = 1_234_567
        self.hub.faults.cuts = 9
        self.assert_whole(self.pulled("org/large"), {"model.safetensors": self.data})
        self.assertLess(self.hub.sent["storage"], 1.01 * len(self.data))

    def test_a_server_without_ranges(self):
        self.hub.faults.ignore_range = True
        self.assert_whole(self.pulled("org/large"), {"model.safetensors": self.data})

    def test_killed_in_the_middle_then_continued(self):
        gate = self.hub.faults.gate = threading.Event()
        process = subprocess.Popen([program.PROGRAM, "pull", "org/large"], env=self.env(),
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.assertTrue(self.hub.half_sent.wait(60))
        partial = self.folder / "cache" / "hyprstream" / "partial"
        while not any(p.stat().st_blocks * 512 > CHUNK // 4 for p in partial.iterdir()):
            pass
        process.send_signal(signal.SIGKILL)
        process.wait()
        self.assert_nothing_kept()
        # A header of four numbers, then how many bytes of each part are there.
        state = next(partial.glob("*.state")).read_bytes()[32:]
        there = sum(int.from_bytes(state[i:i + 8], "little") for i in range(0, len(state), 8))
        self.hub.faults.gate = None
        gate.set()
        result = self.pulled("org/large")
        self.assert_whole(result, {"model.safetensors": self.data})
        self.assertGreater(there, len(self.data) // 16)
        self.assertEqual(result["fetched"], len(self.data) - there)  # not one byte twice

    def test_one_that_is_stopped_is_waited_for_and_replaced_when_it_dies(self):
        gate = self.hub.faults.gate = threading.Event()
        command = [program.PROGRAM, "pull", "org/large", "--json"]
        first = subprocess.Popen(command, env=self.env(), stdout=subprocess.DEVNULL,
                                 stderr=subprocess.DEVNULL)
        self.addCleanup(first.wait)
        self.addCleanup(first.kill)
        self.assertTrue(self.hub.half_sent.wait(60))
        first.send_signal(signal.SIGSTOP)
        self.hub.faults.gate = None
        gate.set()
        second = subprocess.Popen(command, env=self.env(), stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, text=True)
        self.addCleanup(second.kill)
        self.assertIn("waiting", second.stderr.readline())
        self.assertIsNone(second.poll())
        first.kill()
        result = json.loads(second.communicate(timeout=60)[0])
        self.assert_whole(result, {"model.safetensors": self.data})
        self.assertLess(result["fetched"], len(self.data))  # it goes on from there

    def test_two_processes_fetch_it_once(self):
        gate = self.hub.faults.gate = threading.Event()
        command = [program.PROGRAM, "pull", "org/large", "--json"]
        first = subprocess.Popen(command, env=self.env(), stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE, text=True)
        self.assertTrue(self.hub.half_sent.wait(60))
        second = subprocess.Popen(command, env=self.env(), stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, text=True)
        self.assertIn("waiting", second.stderr.readline())
        gate.set()
        outputs = [p.communicate(timeout=60)[0] for p in (first, second)]
        results = [json.loads(text) for text in outputs]
        self.assertEqual(results[0]["fetched"], len(self.data))
        self.assertEqual(results[1]["fetched"], 0)
        for result in results:
            self.assert_whole(result, {"model.safetensors": self.data})
        self.assertEqual(self.hub.sent["storage"], len(self.data))


class ProgressTest(PullCase):
    def pull_on_terminal(self):
        """What standard error says when it is a terminal."""
        ours, theirs = pty.openpty()
        process = subprocess.Popen([program.PROGRAM, "pull", "org/small"], env=self.env(),
                                   stdout=subprocess.DEVNULL, stderr=theirs)
        os.close(theirs)
        said = b""
        while True:
            try:
                piece = os.read(ours, 65536)
            except OSError:  # the end of a terminal
                break
            if not piece:
                break
            said += piece
        os.close(ours)
        self.assertEqual(process.wait(), 0)
        return said.decode()

    def test_it_never_goes_back_and_ends_at_the_total(self):
        self.small()
        self.hub.faults.slow = (20_000, 0.05)
        self.hub.faults.cut_after, self.hub.faults.cuts = 150_000, 1
        self.hub.faults.ignore_range = True  # a file begins anew: still not back
        said = self.pull_on_terminal()
        lines = re.findall(r"(\d) of 3 files[^\n]*?(\d+) %  ([^\r\n]*)", said)
        shares = [int(share) for _, share, _ in lines]
        self.assertEqual(shares, sorted(shares))
        self.assertGreater(len(set(shares)), 3, said)
        self.assertEqual(lines[-1][:2], ("3", "100"))
        self.assertTrue(any("/s" in rest and "left" in rest for _, _, rest in lines), said)
        for name in ("config.json", "model.safetensors", "tokenizer.json"):
            self.assertRegex(said, name + r" +█+ +100 %")

    def test_it_is_quiet_when_nobody_watches(self):
        self.small()
        self.hub.faults.slow = (20_000, 0.05)
        self.assertEqual(self.pull("org/small").err, "")


if __name__ == "__main__":
    program.main()
