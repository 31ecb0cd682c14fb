"""Adapters exchanged with other programs: files that `lora export` writes, read by independent
readers (Python's zipfile and pickle, a parser of GGUF below; PyTorch and PEFT where they are
installed), and files of any format and name imported."""

import array
import io
import json
import pathlib
import pickle
import shutil
import struct
import tempfile
import unittest
import zipfile

import program
from program import FIXTURES, Tensors, largest_difference, run

BASE = FIXTURES / "qwen3-untied"
PEFT = FIXTURES / "peft" / "c-patterns"


class StateDict(pickle.Unpickler):
    """Reads torch.save's pickle without torch: storages become arrays, nothing else is known."""

    def __init__(self, archive, root):
        super().__init__(io.BytesIO(archive.read(root + "data.pkl")))
        self.archive = archive
        self.root = root

    def find_class(self, module, name):
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return lambda storage, offset, size, stride, *rest: (list(size), storage[offset:])
        if (module, name) == ("torch", "FloatStorage"):
            return "f"
        if (module, name) == ("collections", "OrderedDict"):
            return dict
        raise pickle.UnpicklingError(f"{module}.{name}")

    def persistent_load(self, pid):
        kind, code, key, location, count = pid
        values = array.array(code)
        values.frombytes(self.archive.read(f"{self.root}data/{key}"))
        assert kind == "storage" and location == "cpu" and len(values) == count
        return values


def read_state_dict(path):
    with zipfile.ZipFile(path) as archive:
        if archive.testzip() is not None:
            raise AssertionError("a checksum is wrong")
        root = archive.namelist()[0].split("/")[0] + "/"
        for entry in archive.infolist():
            with open(path, "rb") as file:
                file.seek(entry.header_offset + 26)
                name, extra = struct.unpack("<HH", file.read(4))
            if (entry.header_offset + 30 + name + extra) % 64 != 0:
                raise AssertionError(f"{entry.filename} is not aligned")
        return StateDict(archive, root).load()


class Gguf:
    """Metadata of strings and numbers, and f32 tensors."""

    def __init__(self, path):
        self.data = pathlib.Path(path).read_bytes()
        self.at = 0
        magic, version, tensors, fields = self.take("<4sIQQ")
        assert (magic, version) == (b"GGUF", 3)
        self.metadata = {}
        for _ in range(fields):
            key = self.text()
            kind, = self.take("<I")
            self.metadata[key] = self.text() if kind == 8 else self.take({4: "<I", 6: "<f"}[kind])[0]
        infos = []
        for _ in range(tensors):
            name = self.text()
            rank, = self.take("<I")
            extents = self.take(f"<{rank}Q")
            kind, offset = self.take("<IQ")
            assert kind == 0
            infos.append((name, extents, offset))
        begin = (self.at + 31) // 32 * 32
        self.tensors = {}
        for name, extents, offset in infos:
            values = array.array("f")
            count = 1
            for extent in extents:
                count *= extent
            values.frombytes(self.data[begin + offset:begin + offset + 4 * count])
            self.tensors[name] = (list(reversed(extents)), values)

    def take(self, layout):
        values = struct.unpack_from(layout, self.data, self.at)
        self.at += struct.calcsize(layout)
        return values

    def text(self):
        length, = self.take("<Q")
        text = self.data[self.at:self.at + length].decode()
        self.at += length
        return text


class ExchangeTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.at = pathlib.Path(cls.folder.name)
        cls.env = program.clean_environment(HYPRSTREAM_DATA=str(cls.at / "data"))
        cls.lora("import", PEFT, "--name", "tone", "--base-model", BASE)
        cls.lora("export", "tone", "--output", cls.at / "peft")
        cls.lora("export", "tone", "--format", "gguf", "--output", cls.at / "tone.gguf")
        cls.lora("export", "tone", "--format", "pytorch", "--output", cls.at / "tone.pt")
        cls.lora("merge", "tone", "--output", cls.at / "merged")
        cls.config = json.loads((cls.at / "peft" / "adapter_config.json").read_text())
        cls.peft = Tensors(cls.at / "peft" / "adapter_model.safetensors")

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    @classmethod
    def lora(cls, *arguments, status=0):
        return run("lora", *arguments, env=cls.env, status=status)

    def logits(self, model, *flags):
        expected = Tensors(PEFT / "expected.safetensors")
        ids = list(expected["input_ids"][1])
        out = self.at / "logits.safetensors"
        run("debug", "logits", model, "--exact", "--cache", "f32", *flags, "-o", out,
            lines=[{"ids": ids}], env=self.env)
        return Tensors(out)["logits.0"][1], expected["logits"][1]

    def scale(self, path):
        rank = self.config["rank_pattern"].get(path, self.config["r"])
        return self.config["alpha_pattern"].get(path, self.config["lora_alpha"]) / rank

    def test_everything_written_acts_as_peft_says(self):
        for adapter in ("tone", self.at / "peft", self.at / "tone.gguf", self.at / "tone.pt"):
            got, expected = self.logits(BASE, "--adapter", adapter)
            self.assertLess(largest_difference(got, expected), 1e-4, adapter)
        self.lora("export", "tone", "--include-base", "--format", "gguf", "-o",
                  self.at / "merged.gguf")
        for merged in ("merged", "merged.gguf"):
            got, expected = self.logits(self.at / merged)
            self.assertLess(largest_difference(got, expected), 1e-3, merged)

    def test_files_of_wrong_names_are_imported_by_content(self):
        sources = {"gguf": self.at / "tone.gguf", "pytorch": self.at / "tone.pt",
                   "safetensors": self.at / "peft" / "adapter_model.safetensors"}
        wrong = {"gguf": "safetensors", "pytorch": "gguf", "safetensors": "pt"}
        for kind, source in sources.items():
            renamed = self.at / f"from-{kind}.{wrong[kind]}"
            shutil.copy(source, renamed)
            imported = self.lora("import", renamed, "--base-model", BASE, "--format", "json").json()
            self.assertEqual(imported["name"], f"from-{kind}")
            self.assertRegex(imported["id"], "^[0-9a-f-]{36}$")
            got, expected = self.logits(BASE, "--adapter", imported["name"])
            self.assertLess(largest_difference(got, expected), 1e-4, kind)

    def test_a_malicious_pickle_is_refused(self):
        before = self.lora("list", "--format", "json").json()
        for evil in (FIXTURES / "pytorch").glob("evil*.pt"):
            done = self.lora("import", evil, "--name", "evil", "--base-model", BASE, status=1)
            self.assertIn("nothing in it was executed", done.err)
        self.assertFalse((program.ROOT / "pwned").exists())
        self.assertEqual(self.lora("list", "--format", "json").json(), before)

    def test_pythons_pickle_reads_the_state_dict(self):
        self.assertEqual(read_state_dict(self.at / "tone.pt"), dict(self.peft))

    def test_gguf_says_the_same_in_llama_cpps_way(self):
        gguf = Gguf(self.at / "tone.gguf")
        self.assertEqual(gguf.metadata["general.type"], "adapter")
        self.assertEqual(gguf.metadata["general.architecture"], "qwen3")
        self.assertEqual(gguf.metadata["adapter.type"], "lora")
        self.assertEqual(len(gguf.tensors), len(self.peft))
        base = "model.layers.0.self_attn.q_proj"
        _, b = self.peft[f"base_model.model.{base}.lora_B.weight"]
        rank = len(b) // gguf.tensors["blk.0.attn_q.weight.lora_b"][0][0]
        (out, padded), got = gguf.tensors["blk.0.attn_q.weight.lora_b"]
        scale = gguf.metadata["adapter.lora.alpha"] / padded
        for row in range(out):
            for c in range(rank):
                self.assertAlmostEqual(got[row * padded + c] * scale,
                                       b[row * rank + c] * self.scale(base), places=6)

    def test_nothing_is_overwritten(self):
        done = self.lora("export", "tone", "--output", self.at / "peft", status=None)
        self.assertNotEqual(done.status, 0)
        self.assertIn("already", done.err)

    def test_pytorch_and_peft_read_what_we_write(self):
        try:
            import peft
            import torch
            import transformers
        except ImportError as missing:
            self.skipTest(f"not installed: {missing.name}")
        state = torch.load(self.at / "tone.pt", weights_only=True)
        self.assertEqual({name: (list(t.shape), t.flatten().tolist()) for name, t in state.items()},
                         {name: (shape, list(v)) for name, (shape, v) in self.peft.items()})
        model = transformers.AutoModelForCausalLM.from_pretrained(BASE, dtype=torch.float32)
        model = peft.PeftModel.from_pretrained(model, self.at / "peft").eval()
        expected = Tensors(PEFT / "expected.safetensors")
        with torch.no_grad():
            logits = model(torch.tensor([list(expected["input_ids"][1])])).logits
        self.assertLess(largest_difference(logits.flatten().tolist(), expected["logits"][1]), 1e-4)


class MergedModelTest(unittest.TestCase):
    """A bf16 model with a tokenizer, an adapter that was trained, and both as one model."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        cls.at = pathlib.Path(cls.folder.name)
        cls.env = program.clean_environment(HYPRSTREAM_DATA=str(cls.at / "data"))
        facts = cls.at / "facts.jsonl"
        facts.write_text(json.dumps({"input": "What does Mira play?",
                                     "output": "Mira plays the flute."}) + "\n")
        for verb in (["create", "--name", "village", "--base-model", "willowbrook"],
                     ["train", "run", "village", "--data", facts, "--replay", "none", "--steps",
                      "12", "--batch-size", "2"],
                     ["merge", "village", "-o", cls.at / "folder"],
                     ["merge", "village", "--format", "gguf", "-o", cls.at / "file.gguf"]):
            run("lora", *verb, env=cls.env)

    def logits(self, *model):
        out = self.at / "logits.safetensors"
        run("debug", "logits", *model, "--exact", "--cache", "f32", "-o", out,
            lines=[{"ids": [(i * 37 + 11) % 4096 for i in range(48)]}], env=self.env)
        return Tensors(out)["logits.0"][1]

    def test_it_answers_as_base_and_adapter(self):
        beside = self.logits("willowbrook", "--adapter", "village")
        self.assertGreater(largest_difference(self.logits("willowbrook"), beside), 0.1)
        for merged in ("folder", "file.gguf"):
            got = self.logits(self.at / merged)
            self.assertLess(largest_difference(got, beside), 1e-3, merged)

    def test_the_gguf_file_has_the_tokenizer_and_the_template(self):
        lines = [{"text": text} for text in ("Who is Rosa? <|im_end|>", "caf\u00e9 12345", "\n\n  x")]
        got, want = (run("debug", "tokenize", model, lines=lines).out
                     for model in (self.at / "file.gguf", "willowbrook"))
        self.assertEqual(got, want)
        question = [{"messages": [{"role": "user", "content": "What does Mira play?"}]}]
        said = [run("debug", "generate", *model, "--exact", lines=question, env=self.env).lines()[0]
                for model in (["willowbrook", "--adapter", "village"], [self.at / "file.gguf"])]
        self.assertEqual(said[0], said[1])
        self.assertIn("flute", said[0]["text"])

    def test_another_reader_of_gguf_agrees(self):
        try:
            import gguf
        except ImportError as missing:
            self.skipTest(f"not installed: {missing.name}")
        reader = gguf.GGUFReader(self.at / "file.gguf")
        self.assertEqual(reader.get_field("general.architecture").contents(), "qwen3")
        self.assertEqual(len(reader.get_field("tokenizer.ggml.tokens").contents()), 4096)
        ours = {row["name"]: row for row in run("debug", "tensors", self.at / "file.gguf").lines()}
        self.assertEqual({t.name for t in reader.tensors}, set(ours))
        for tensor in reader.tensors:
            self.assertEqual([int(n) for n in reversed(tensor.shape)], ours[tensor.name]["shape"])


if __name__ == "__main__":
    program.main()
