"""Models in the store, as the verbs show, verify and remove them."""

import json
import os
import pathlib
import shutil
import struct
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "cli"))

import program
from mock_hub import MockHub
from program import FIXTURES, WILLOWBROOK, run

MODEL = FIXTURES / "qwen3-untied"


def files_of(folder, **changed):
    names = ("config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json",
             "model.safetensors")
    files = {n: (folder / n).read_bytes() for n in names if (folder / n).exists()}
    return files | changed


class StoredCase(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.hub = self.enterContext(MockHub())
        kept = {k: v for k, v in os.environ.items()
                if not k.startswith(("HYPRSTREAM_", "HF_", "HUGGING", "TRANSFORMERS", "OLLAMA_"))
                and not k.lower().endswith("_proxy")}
        self.env = kept | {"HOME": str(self.folder), "XDG_DATA_HOME": str(self.folder / "data"),
                           "XDG_CACHE_HOME": str(self.folder / "cache"),
                           "XDG_CONFIG_HOME": str(self.folder / "config"),
                           "HF_ENDPOINT": self.hub.url}

    def run(self, *arguments, **more):
        # unittest calls run() on a case with its result.
        if len(arguments) == 1 and isinstance(arguments[0], unittest.TestResult):
            return super().run(*arguments)
        return run(*arguments, env=self.env, **more)

    def json(self, *arguments, **more):
        return self.run(*arguments, "--json", **more).json()

    def add(self, name, files, ref="main"):
        commit = self.hub.add(name, files, ref)
        self.run("pull", f"{name}@{commit}" if ref != "main" else name)
        return commit

    def stored(self):
        return {row["name"]: row for row in self.json("list") if "reference" in row}

    @property
    def models(self):
        return self.folder / "data" / "hyprstream" / "models"


class ListTest(StoredCase):
    def test_a_fetched_model_is_listed_shown_and_used(self):
        commit = self.add("org/tale", files_of(WILLOWBROOK))
        row = self.stored()["tale"]
        self.assertEqual(row["reference"], "hf://org/tale@main")
        self.assertEqual(row["revision"], commit)
        self.assertEqual(row["refs"], ["main"])
        self.assertEqual(row["registry"], "hf")
        self.assertEqual(row["bytes"], sum(map(len, files_of(WILLOWBROOK).values())))
        self.assertGreater(row["parameters"], 0)
        for reference in ("org/tale", "hf://org/tale@main", f"hf.co/org/tale@{commit}",
                          f"org/tale@{commit[:8]}", "tale"):
            info = self.json("show", reference)
            self.assertEqual(info["name"], "tale")
            self.assertEqual(info["stored"]["revision"], commit)
        named = self.run("run", "org/tale", "Once", "--max-tokens", 4, "--temperature", 0)
        path = self.run("run", WILLOWBROOK, "Once", "--max-tokens", 4, "--temperature", 0)
        self.assertEqual(named.out, path.out)
        self.assertIn("org/tale", self.run("list").out)
        self.assertIn("name: tale", self.run("model", "list", "--format", "yaml").out)

    def test_what_is_not_here_says_how_to_get_it(self):
        refused = self.run("show", "org/absent", status=1)
        self.assertIn("hyprstream pull org/absent", refused.err)
        self.assertFalse(self.models.exists())
        for hostile in ("hf://../x", "hf://org/..", "ollama://../../x", "hf://a/b@../c"):
            self.assertIn("error", self.run("show", hostile, status=1).err)

    def test_run_fetches_what_is_not_here(self):
        self.hub.add("org/tale", files_of(WILLOWBROOK))
        named = self.run("run", "org/tale", "Once", "--max-tokens", 4, "--temperature", 0)
        path = self.run("run", WILLOWBROOK, "Once", "--max-tokens", 4, "--temperature", 0)
        self.assertEqual(named.out, path.out)
        self.assertIn("tale", self.stored())
        before = len(self.hub.requests)
        self.run("run", "org/tale", "Once", "--max-tokens", 1)
        self.assertEqual(len(self.hub.requests), before)
        absent = self.run("run", "org/absent", "x", status=1).err
        self.assertIn("org/absent", absent)
        self.assertIn("auth login", absent)  # a private one?
        self.assertIn('"org/absent" is no file or folder either', absent)  # a mistyped path?
        self.assertNotIn("folder", self.run("run", "hf://org/absent", "x", status=1).err)

    def test_what_python_downloaded_is_used_in_place(self):
        commit = "c" * 40
        cached = self.folder / "hub" / "models--org--tale"
        snapshot = cached / "snapshots" / commit
        snapshot.mkdir(parents=True)
        for name, data in files_of(WILLOWBROOK).items():
            (snapshot / name).write_bytes(data)
        (cached / "refs").mkdir()
        (cached / "refs" / "main").write_text(commit)
        self.env |= {"HF_HUB_CACHE": str(self.folder / "hub"), "HF_HUB_OFFLINE": "1"}
        info = self.json("show", "org/tale")
        self.assertTrue(info["path"].startswith(str(self.folder / "hub")))
        self.run("run", "org/tale", "Once", "--max-tokens", 1)
        self.assertEqual(self.hub.requests, [])
        self.assertFalse(self.models.exists())

    def test_a_name_of_two_models_is_not_guessed(self):
        self.add("one/same", files_of(MODEL))
        self.add("two/same", files_of(MODEL))
        refused = self.run("show", "same", status=1)
        self.assertIn("hf://one/same@main", refused.err)
        self.assertIn("hf://two/same@main", refused.err)

    def test_an_adapter_remembers_the_revision_of_its_base(self):
        commit = self.add("org/tale", files_of(WILLOWBROOK))
        self.run("lora", "create", "--name", "a", "--base-model", "org/tale")
        info = self.run("lora", "info", "a", "--format", "json").json()
        self.assertEqual(info["base_model"], f"hf://org/tale@{commit}")


class RemoveTest(StoredCase):
    def test_it_asks_and_says_what_it_freed(self):
        files = files_of(MODEL)
        self.add("org/one", files)
        self.add("org/two", files | {"config.json": files["config.json"] + b"\n"})
        size = sum(map(len, files.values()))
        refused = self.run("model", "remove", "org/one", status=2)
        self.assertIn("--yes", refused.err)
        self.assertIn("one", self.stored())
        removed = self.json("model", "remove", "org/one", "--yes")[0]
        self.assertEqual(removed["bytes_freed"], len(files["config.json"]))
        self.assertEqual(removed["bytes_shared"], size - len(files["config.json"]))
        self.assertEqual(list(self.stored()), ["two"])
        self.assertIn("freed", self.run("rm", "hf://org/two", "--yes").out)
        self.assertEqual(self.stored(), {})
        self.assertEqual([p for p in self.models.rglob("*") if p.name not in
                          (".blobs", ".staging", ".lock", ".fetching", ".reserve")], [])

    def test_revisions_and_quants(self):
        first = self.add("org/m", files_of(MODEL))
        second = self.add("org/m", files_of(MODEL, **{"config.json": b"{}"}), ref="dev")
        self.run("rm", f"org/m@{first}", "--yes")
        self.assertEqual(self.stored()["m"]["revision"], second)
        self.add("org/m", files_of(MODEL))
        self.assertEqual(len(self.json("rm", "org/m", "--yes")), 2)
        gguf = (FIXTURES / "gguf" / "qwen3-gguf" / "model-Q8_0.gguf").read_bytes()
        self.hub.add("org/q", {"m-Q8_0.gguf": gguf, "m-Q4_0.gguf": gguf[:-1] + b"x"})
        self.run("pull", "org/q:Q8_0")
        self.run("pull", "org/q:Q4_0")
        self.assertIn("Q8_0", self.run("show", "org/q", status=1).err)
        self.assertEqual(self.json("show", "org/q:q8_0")["format"], "gguf")
        removed = self.json("rm", "org/q:q4_0", "--yes")[0]
        self.assertEqual(removed["bytes_freed"], len(gguf))
        self.assertEqual(self.json("show", "org/q")["format"], "gguf")

    def test_only_the_store_is_emptied(self):
        self.assertIn("by hand", self.run("rm", "willowbrook", "--yes", status=1).err)
        self.assertIn("no such model", self.run("rm", "org/absent", "--yes", status=1).err)
        self.assertTrue((WILLOWBROOK / "config.json").exists())


class CacheTest(StoredCase):
    def test_status_and_cleanup(self):
        self.assertEqual(self.json("model", "cache", "status")["models"], 0)
        self.assertFalse(self.models.exists())
        files = files_of(MODEL)
        self.add("org/one", files)
        self.add("org/two", files)
        size = sum(map(len, files.values()))
        status = self.json("model", "cache", "status")
        self.assertEqual((status["models"], status["bytes"], status["shared_bytes"]),
                         (2, size, size))
        (self.models / ".blobs" / ("0" * 64)).write_bytes(b"nobody's")
        partial = self.folder / "cache" / "hyprstream" / "partial"
        (partial / ("1" * 64)).write_bytes(b"half")
        status = self.json("model", "cache", "status")
        self.assertEqual((status["unused_bytes"], status["partial_bytes"]), (8, 4))
        self.run("model", "cache", "cleanup", status=2)
        self.assertEqual(self.json("model", "cache", "cleanup", "--yes")["bytes_freed"], 12)
        self.assertEqual(list(partial.iterdir()), [])
        self.assertIn("nothing", self.run("model", "cache", "cleanup").out)
        self.assertEqual(len(self.stored()), 2)


class VerifyTest(StoredCase):
    def setUp(self):
        super().setUp()
        self.files = files_of(MODEL)
        self.commit = self.add("org/m", self.files)
        self.place = self.models / "hf" / "org" / "m" / self.commit

    def faults(self, *arguments):
        result = self.json("model", "verify", *(arguments or ["org/m"]), status=1)
        self.assertEqual(result["result"], "failed")
        self.assertEqual(result["checks"][-1]["check"], "checksums")
        for fault in result["faults"]:
            self.assertGreater(len(fault["advice"]), 20)
        return {fault["file"]: fault for fault in result["faults"]}

    def change(self, name, action):
        """In place, as a disk or an editor would."""
        path = self.place / name
        path.chmod(0o644)
        action(path)

    def assert_pull_repairs(self):
        self.run("pull", f"org/m@{self.commit}")
        self.assertEqual(self.json("model", "verify", "org/m")["result"], "ok")

    def test_whole(self):
        result = self.json("model", "verify", "org/m")
        self.assertEqual(result["result"], "ok")
        self.assertEqual([c["check"] for c in result["checks"]],
                         ["checksums", "files", "configuration", "tokenizer", "numbers",
                          "shapes and loading", "one token"])
        self.assertNotIn("faults", result)
        self.assertEqual(self.json("model", "verify")["result"], "ok")
        self.assertEqual(self.json("model", "cache", "verify", "hf://org/m")["result"], "ok")

    def test_missing(self):
        (self.place / "model.safetensors").unlink()
        fault = self.faults()["model.safetensors"]
        self.assertEqual(fault["fault"], "missing")
        self.assertIn(f"hyprstream pull hf://org/m@{self.commit}", fault["advice"])
        self.assert_pull_repairs()

    def test_a_missing_folder(self):
        shutil.rmtree(self.place)
        self.assertEqual({f["fault"] for f in self.faults().values()}, {"missing"})
        self.assert_pull_repairs()

    def test_truncated(self):
        self.change("model.safetensors", lambda p: os.truncate(p, 1000))
        fault = self.faults()["model.safetensors"]
        self.assertEqual((fault["fault"], fault["found"]), ("truncated", "1000 bytes"))
        self.assert_pull_repairs()

    def test_a_flipped_byte(self):
        def flip(path):
            with path.open("r+b") as file:
                file.seek(400_000)
                byte = file.read(1)[0]
                file.seek(400_000)
                file.write(bytes([byte ^ 1]))
        self.change("model.safetensors", flip)
        fault = self.faults()["model.safetensors"]
        self.assertEqual(fault["fault"], "changed")
        self.assertIn("sha256", fault["expected"])
        shown = self.run("model", "verify", "org/m", status=1)
        self.assertIn("model.safetensors", shown.out)
        self.assertIn("changed", shown.out)
        self.assert_pull_repairs()

    def test_wrong_revision(self):
        other = self.add("org/m", self.files | {"config.json": b'{"other": 1}'}, ref="dev")
        path = self.place / "config.json"
        path.unlink()
        shutil.copy(self.models / "hf" / "org" / "m" / other / "config.json", path)
        fault = self.faults(f"org/m@{self.commit}")["config.json"]
        # Shorter than it should be: its length alone does not say whose it is.
        self.assertEqual(fault["fault"], "truncated" if len(b'{"other": 1}') <
                         len(self.files["config.json"]) else "other revision")

    def test_another_revision_is_recognised(self):
        changed = self.files["config.json"] + b"\n"
        other = self.add("org/m", self.files | {"config.json": changed}, ref="dev")
        path = self.place / "config.json"
        path.unlink()
        shutil.copy(self.models / "hf" / "org" / "m" / other / "config.json", path)
        fault = self.faults(f"org/m@{self.commit}")["config.json"]
        self.assertEqual(fault["fault"], "other revision")
        self.assertIn(other, fault["found"])
        self.run("pull", f"org/m@{self.commit}")
        self.assertEqual(self.json("model", "verify", f"org/m@{self.commit}")["result"], "ok")

    def test_foreign_files(self):
        self.add("org/stranger", files_of(WILLOWBROOK))
        path = self.place / "model.safetensors"
        path.unlink()
        shutil.copy(WILLOWBROOK / "model.safetensors", path)
        (self.place / "extra.py").write_text("import os")
        (self.place / "link").symlink_to("/etc/hostname")
        faults = self.faults("org/m")
        self.assertEqual({name: fault["fault"] for name, fault in faults.items()},
                         {"model.safetensors": "foreign", "extra.py": "foreign",
                          "link": "foreign"})
        self.assertIn("org/stranger", faults["model.safetensors"]["found"])
        self.assertIn("symbolic link", faults["link"]["found"])

    def test_every_fault_is_listed(self):
        (self.place / "config.json").unlink()
        self.change("model.safetensors", lambda p: os.truncate(p, 10))
        (self.place / "extra").write_text("x")
        self.assertEqual([f["fault"] for _, f in sorted(self.faults().items())],
                         ["missing", "foreign", "truncated"])

    def test_a_file_that_cannot_be_read(self):
        path = self.place / "config.json"
        path.unlink()
        path.symlink_to("/proc/self/mem")
        self.assertEqual(self.faults()["config.json"]["fault"], "missing")

    def test_numbers_that_are_none_though_the_hub_sent_them(self):
        data = bytearray(self.files["model.safetensors"])
        length = int.from_bytes(data[:8], "little")
        entry = json.loads(data[8:8 + length])["model.norm.weight"]
        at = 8 + length + entry["data_offsets"][0]
        data[at:at + 4] = struct.pack("<f", float("inf"))
        self.add("org/nan", self.files | {"model.safetensors": bytes(data)})
        result = self.json("model", "verify", "org/nan", status=1)
        self.assertEqual([c["result"] for c in result["checks"]][:1], ["ok"])
        self.assertEqual(result["checks"][-1]["check"], "numbers")
        self.assertIn("model.norm.weight", result["checks"][-1]["detail"])
        self.assertIn("author", result["checks"][-1]["advice"])


if __name__ == "__main__":
    program.main()
