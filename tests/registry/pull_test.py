"""`pull` against the mock hub: whole, resumed, refused, and never a file that is not right."""

import functools
import hashlib
import json
import os
import pathlib
import pty
import random
import re
import signal
import subprocess
import sys
import tempfile
import threading
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "cli"))

import program
from mock_hub import MockHub
from program import FIXTURES, run

MODEL = FIXTURES / "qwen3-untied"
CHUNK = 32 << 20  # what one connection fetches at a time


@functools.cache
def noise(size, seed=1):
    return random.Random(seed).randbytes(size)


class PullCase(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.hub = self.enterContext(MockHub())

    def env(self, **extra):
        kept = {k: v for k, v in os.environ.items()
                if not k.startswith(("HYPRSTREAM_", "HF_", "HUGGING", "TRANSFORMERS"))
                and not k.lower().endswith("_proxy")}
        return kept | {"HOME": str(self.folder), "XDG_DATA_HOME": str(self.folder / "data"),
                       "XDG_CACHE_HOME": str(self.folder / "cache"),
                       "XDG_CONFIG_HOME": str(self.folder / "config"),
                       "HF_ENDPOINT": self.hub.url} | {k: str(v) for k, v in extra.items()}

    def pull(self, *arguments, status=0, **extra):
        return run("pull", *arguments, env=self.env(**extra), status=status)

    def pulled(self, *arguments, **extra):
        return self.pull(*arguments, "--json", **extra).json()

    @property
    def models(self):
        return self.folder / "data" / "hyprstream" / "models"

    def published(self):
        """Files with a final name, but for the catalogue and what the store needs for itself."""
        return sorted(str(p.relative_to(self.models)) for p in self.models.rglob("*")
                      if p.is_file() and not any(part.startswith(".")
                                                 for part in p.relative_to(self.models).parts))

    def contents(self):
        return sorted(p.name for p in (self.models / ".blobs").glob("*"))

    def assert_whole(self, result, files):
        self.assertEqual({f["path"]: f["sha256"] for f in result["files"]},
                         {path: hashlib.sha256(data).hexdigest() for path, data in files.items()})
        for path, data in files.items():
            self.assertEqual((pathlib.Path(result["path"]) / path).read_bytes(), data, path)

    def assert_nothing_kept(self):
        self.assertEqual(self.published(), [])
        self.assertEqual(self.contents(), [])

    def small(self, name="org/small", **files):
        files = {"config.json": b'{"model_type": "qwen3"}', "model.safetensors": noise(300_000),
                 "tokenizer.json": noise(20_000, 2)} | files
        return self.hub.add(name, files), files


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


class FaultTest(PullCase):
    def setUp(self):
        super().setUp()
        self.commit, self.files = self.small()

    def test_cut_at_any_byte(self):
        data = self.files["model.safetensors"]
        for at in (1, 2, 4095, 65_537, len(data) - 1):
            with self.subTest(at):
                self.hub.forget()
                self.hub.faults.cut_after, self.hub.faults.cuts = at, 1
                self.assert_whole(self.pulled("org/small", "--files", "model.safetensors", "--force"),
                                  {"model.safetensors": data})
                self.assertEqual([r[3].get("Range") for r in self.hub.find("storage")],
                                 [None, f"bytes={at}-"])
                self.assertEqual(self.hub.sent["storage"], len(data))

    def test_a_range_that_is_ignored_starts_the_file_anew(self):
        self.hub.faults.cut_after, self.hub.faults.cuts = 100_000, 1
        self.hub.faults.ignore_range = True
        self.assert_whole(self.pulled("org/small"), self.files)

    def test_a_range_that_cannot_be_had_starts_the_file_anew(self):
        self.hub.faults.cut_after, self.hub.faults.cuts = 100_000, 1
        self.hub.faults.range_416 = 1
        self.assert_whole(self.pulled("org/small"), self.files)

    def test_another_range_than_asked_for(self):
        self.hub.faults.cut_after, self.hub.faults.cuts = 100_000, 1000
        self.hub.faults.bad_range = True
        self.assertIn("another part", self.pull("org/small", status=1).err)
        self.assert_nothing_published()

    def assert_nothing_published(self):
        self.assertEqual(self.published(), [])
        self.assertNotIn(hashlib.sha256(self.files["model.safetensors"]).hexdigest(),
                         self.contents())

    def test_a_wrong_hash_keeps_nothing(self):
        for name, what in (("model.safetensors", "SHA-256"), ("config.json", "git blob")):
            with self.subTest(name):
                self.hub.faults.corrupt = {name}
                refused = self.pull("org/small", "--files", name, status=1)
                self.assertIn(what, refused.err)
                self.assertIn(name, refused.err)
                self.assertEqual(self.published(), [])
                self.assertNotIn(hashlib.sha256(self.files[name]).hexdigest(), self.contents())
        self.hub.faults.corrupt = set()
        self.assert_whole(self.pulled("org/small"), self.files)

    def test_a_partial_file_that_is_wrong_is_fetched_again(self):
        self.hub.faults.busy = []
        name = hashlib.sha256(self.files["model.safetensors"]).hexdigest()
        gate = self.hub.faults.gate = threading.Event()
        process = subprocess.Popen([program.PROGRAM, "pull", "org/small"], env=self.env(),
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.assertTrue(self.hub.half_sent.wait(60))
        partial = self.folder / "cache" / "hyprstream" / "partial" / name
        gate_open = lambda: partial.exists() and partial.stat().st_size >= 1000
        process.send_signal(signal.SIGKILL) if gate_open() else None
        process.kill()
        process.wait()
        gate.set()
        self.hub.faults.gate = None
        if partial.exists() and partial.stat().st_size > 0:
            with partial.open("r+b") as file:
                file.write(b"damage")
        self.assert_whole(self.pulled("org/small"), self.files)

    def test_a_size_that_does_not_hold(self):
        for name in ("model.safetensors", "config.json"):
            with self.subTest(name):
                self.hub.faults.wrong_size = {name}
                self.assertIn("bytes", self.pull("org/small", status=1).err)
                self.assertEqual(self.published(), [])

    def test_a_disk_without_room_is_known_before_anything_is_fetched(self):
        self.hub.faults.claimed_size = 1 << 49
        refused = self.pull("org/small", status=1)
        self.assertIn("no room", refused.err)
        self.assertIn("cache cleanup", refused.err)
        self.assertEqual(sum(self.hub.sent.values()), 0)

    def test_an_address_that_expired_is_asked_for_again(self):
        self.hub.faults.expire = 1
        self.assert_whole(self.pulled("org/small"), self.files)
        self.hub.faults.expire = 1000
        refused = self.pull("org/small", "--force", status=1)
        self.assertIn("403", refused.err)
        self.assertNotIn("secretsignature", refused.err)

    def test_a_busy_hub_is_waited_for(self):
        self.hub.faults.busy = [429, 503, 408]
        self.hub.faults.retry_after = "0"
        self.assert_whole(self.pulled("org/small"), self.files)

    def test_a_hub_that_asks_for_too_much_patience(self):
        self.hub.faults.busy = [429] * 100
        self.hub.faults.retry_after = "86400"
        refused = self.pull("org/small", status=1)
        self.assertIn("86400 seconds", refused.err)
        self.assertEqual(len(self.hub.find()), 1)

    def test_silence_is_not_waited_for_for_ever(self):
        self.hub.faults.silent = 1
        self.assert_whole(self.pulled("org/small", HF_HUB_DOWNLOAD_TIMEOUT=1), self.files)

    def test_slow_bytes_are_no_fault(self):
        self.hub.faults.slow = (30_000, 0.02)
        self.assert_whole(self.pulled("org/small"), self.files)

    def test_nobody_is_led_from_an_encrypted_to_another_scheme(self):
        self.hub.faults.downgrade = "file:///etc/passwd"
        self.assertIn("no web address", self.pull("org/small", status=1).err)
        self.assertEqual(self.published(), [])

    def test_names_that_would_leave_the_folder(self):
        for name in ("../../evil.json", "/etc/evil.json", "a/../../evil", "a\\..\\evil", "a//b",
                     "a\x00b", "C:evil", ""):
            with self.subTest(name):
                self.hub.faults.listing = [{"rfilename": name, "size": 2}]
                self.assertEqual(self.pull("org/small", "--files", "*", status=1).out, "")
                self.assertEqual(self.published(), [])
        self.assertFalse(list(self.folder.rglob("evil*")))

    def test_documents_and_headers_have_limits(self):
        self.hub.faults.huge_document = True
        self.assertIn("4 MB", self.pull("org/small", status=1).err)
        self.hub.faults.huge_document = False
        self.hub.faults.many_headers = True
        self.assertIn("headers", self.pull("org/small", status=1).err)

    def test_the_listing_stands_in_for_etags_that_say_nothing(self):
        self.hub.faults.odd_etags = True
        self.assert_whole(self.pulled("org/small"), self.files)
        self.hub.faults.corrupt = {"config.json"}
        self.assertIn("git blob", self.pull("org/small", "--force", status=1).err)
        self.hub.faults.listing = [{"rfilename": "config.json"}]
        refused = self.pull("org/small", "--files", "config.json", "--force", status=1)
        self.assertIn("what the file's content is", refused.err)

    def test_a_server_that_is_no_hub(self):
        self.hub.faults.no_commit = True
        self.assertIn("X-Repo-Commit", self.pull("org/small", status=1).err)


class TlsTest(PullCase):
    def setUp(self):
        super().setUp()
        files = [str(self.folder / name) for name in ("certificate.pem", "key.pem")]
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                        "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj",
                        "/CN=hub", "-addext", "subjectAltName=IP:127.0.0.1", "-out", files[0],
                        "-keyout", files[1]], check=True, capture_output=True)
        self.certificate = files[0]
        self.hub = self.enterContext(MockHub(certificate=files))
        self.small()

    def test_nobody_is_led_from_an_encrypted_to_an_open_connection(self):
        refused = self.pull("org/small", status=1, SSL_CERT_FILE=self.certificate)
        self.assertIn("from an encrypted to an open connection", refused.err)
        self.assertFalse(self.hub.find("storage"))
        self.pull("org/small", "--files", "config.json", SSL_CERT_FILE=self.certificate)

    def test_a_certificate_that_nobody_trusts(self):
        refused = self.pull("org/small", status=1)
        self.assertIn("certificate is not trusted", refused.err)
        self.assertEqual(self.hub.find(), [])


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


class RefusalTest(PullCase):
    """Each says what to do."""

    def test_unknown(self):
        self.assertIn("auth login", self.pull("org/none", status=1).err)
        refused = self.pull("org/none", status=1, HF_TOKEN="hf_goodtokengoodtoken")
        self.assertIn("HF_TOKEN", refused.err)
        self.assertNotIn("hf_goodtokengoodtoken", refused.err)

    def test_unknown_revision(self):
        self.small()
        self.assertIn('no revision "v9"', self.pull("org/small@v9", status=1).err)

    def test_gated(self):
        self.small()
        self.hub.repositories["org/small"].gated = ("friend",)
        stranger = self.pull("org/small", status=1)
        self.assertIn("gated", stranger.err)
        self.assertIn(f"accept them at {self.hub.url}/org/small", stranger.err)
        self.assertIn("auth login", stranger.err)
        somebody = self.pull("org/small", status=1, HF_TOKEN="hf_goodtokengoodtoken")
        self.assertIn("accept them at", somebody.err)
        self.hub.tokens["hf_friendfriendfriend"] = "friend"
        self.pull("org/small", HF_TOKEN="hf_friendfriendfriend")

    def test_disabled(self):
        self.small()
        self.hub.repositories["org/small"].disabled = True
        self.assertIn("disabled", self.pull("org/small", status=1).err)

    def test_private_with_a_bad_token(self):
        self.small()
        self.hub.repositories["org/small"].private = True
        refused = self.pull("org/small", status=1, HF_TOKEN="hf_badbadbadbadbad")
        self.assertIn("HF_TOKEN", refused.err)
        self.assertNotIn("hf_badbadbadbadbad", refused.err)

    def test_no_hub_there(self):
        self.assertIn("cannot be reached",
                      self.pull("org/x", status=1, HF_ENDPOINT="http://127.0.0.1:1").err)

    def test_offline_opens_no_socket(self):
        self.small()
        refused = self.pull("org/small", status=1, HF_HUB_OFFLINE=1)
        self.assertIn("HF_HUB_OFFLINE", refused.err)
        self.assertEqual(self.hub.find(), [])

    def test_what_is_no_reference(self):
        for text in ("hf://../x", "hf://a/b/c", "willowbrook", "./x", "hf://org\\x"):
            self.pull(text, status=1)
        self.assertEqual(self.hub.find(), [])

    def test_errors_as_json(self):
        refused = self.pull("org/none", "--json", status=1).json()
        self.assertEqual(refused["error"]["code"], "not_found")


class PushTest(PullCase):
    def setUp(self):
        super().setUp()
        self.source = self.folder / "mine"
        (self.source / "sub").mkdir(parents=True)
        self.files = {"config.json": b"{}", "model.safetensors": noise(300_000),
                      "sub/notes.txt": b"\x00\xff"}
        for name, data in self.files.items():
            (self.source / name).write_bytes(data)
        (self.source / ".secret").write_bytes(b"stays at home")

    def push(self, *arguments, token="hf_goodtokengoodtoken", status=0):
        return run("push", self.source, *arguments, "--json", status=status,
                   env=self.env(**({"HF_TOKEN": token} if token else {})))

    def test_a_folder_becomes_a_commit(self):
        result = self.push("somebody/mine", "--private", "--message", "First").json()
        self.assertTrue(result["created"])
        self.assertEqual(result["sent"], 300_000)
        repository = self.hub.repositories["somebody/mine"]
        self.assertTrue(repository.private)
        self.assertEqual(repository.refs["main"], result["commit"])
        there = {path: file.data for path, file in repository.commits[result["commit"]].items()}
        there.pop(".gitattributes")
        self.assertEqual(there, self.files)
        for kind, _, _, headers in self.hub.find():
            self.assertEqual("Authorization" in headers, kind == "hub")
        again = self.push("somebody/mine").json()
        self.assertFalse(again["created"])
        self.assertEqual(again["sent"], 0)  # the storage has it
        self.assert_whole(self.pulled("somebody/mine", HF_TOKEN="hf_goodtokengoodtoken"),
                          {k: v for k, v in self.files.items() if "/" not in k})

    def test_large_files_go_in_parts(self):
        self.hub.faults.multipart = 65_536
        commit = self.push("somebody/mine").json()["commit"]
        files = self.hub.repositories["somebody/mine"].commits[commit]
        self.assertEqual(files["model.safetensors"].data, self.files["model.safetensors"])
        self.assertEqual(len(self.hub.find("storage", "PUT")), 5)

    def test_a_busy_storage_is_waited_for(self):
        self.hub.faults.busy_puts = 2
        self.push("somebody/mine")

    def test_who_may_not_write_is_told_so(self):
        nobody = self.push("somebody/mine", token=None, status=1).json()["error"]
        self.assertEqual(nobody["code"], "unauthenticated")
        self.assertEqual(self.hub.find(), [])
        wrong = self.push("somebody/mine", token="hf_badbadbadbadbad", status=1)
        self.assertIn("may write", wrong.out)
        self.assertNotIn("hf_badbadbadbadbad", wrong.out + wrong.err)

    def test_nothing_to_push(self):
        for path in self.source.rglob("*"):
            if path.is_file() and path.name != ".secret":
                path.unlink()
        self.assertIn("nothing to push", self.push("somebody/mine", status=1).out)
        self.push("nowhere", status=1)


class SearchTest(PullCase):
    def test_pages_are_put_together(self):
        for i in range(7):
            self.hub.add(f"org/model-{i}", {"config.json": b"{}"})
        self.hub.add("other/thing", {"config.json": b"{}"})
        self.hub.faults.page_size = 3
        rows = run("model", "search", "model", "--json", env=self.env()).json()
        self.assertEqual([r["model"] for r in rows], [f"org/model-{i}" for i in range(7)])
        rows = run("model", "search", "model", "--limit", "4", "--json", env=self.env()).json()
        self.assertEqual(len(rows), 4)
        self.assertEqual(run("model", "search", "--author", "other", "--json",
                             env=self.env()).json()[0]["model"], "other/thing")
        self.assertIn("nothing", run("model", "search", "zzz", env=self.env()).out)


class AuthTest(PullCase):
    def auth(self, *arguments, text=None, status=0, **extra):
        return run("auth", *arguments, text=text, env=self.env(**extra), status=status)

    def test_a_token_is_kept_for_its_owner_and_shown_masked(self):
        token = "hf_goodtokengoodtoken"
        login = self.auth("login", "--stdin", text=token + "\n")
        path = self.folder / "config" / "hyprstream" / "token"
        self.assertEqual(path.stat().st_mode & 0o777, 0o600)
        status = self.auth("status", "--check", "--json")
        self.assertEqual(status.json()["account"], "somebody")
        for result in (login, status):
            self.assertNotIn(token, result.out + result.err)
            self.assertIn("oken", result.out)
        self.small()
        self.hub.repositories["org/small"].private = True
        self.pull("org/small")
        self.assertIn("removed", self.auth("logout").out)
        self.assertFalse(path.exists())
        self.assertFalse(self.auth("status", "--json").json()["logged_in"])

    def test_a_token_that_the_hub_does_not_know_is_not_kept(self):
        refused = self.auth("login", "--stdin", "--check", text="hf_nobodysnobodys", status=1)
        self.assertNotIn("hf_nobodysnobodys", refused.err)
        self.assertFalse((self.folder / "config" / "hyprstream" / "token").exists())

    def test_no_terminal_and_no_flag(self):
        self.assertIn("--stdin", self.auth("login", status=2).err)
        self.auth("login", "--stdin", text="two words", status=1)
        self.auth("login", "--stdin", text="", status=1)


if __name__ == "__main__":
    program.main()
