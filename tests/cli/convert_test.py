"""`model convert`: what it leaves on the disk, whatever happens, and in how much memory."""

import json
import os
import pathlib
import resource
import shutil
import signal
import struct
import subprocess
import tempfile
import time
import unittest

import program
from program import FIXTURES, WILLOWBROOK, clean_environment, run


def write_sparse_model(folder, vocabulary):
    """A Llama whose embedding is a hole in the file: large, and costing nothing."""
    folder.mkdir()
    hidden, heads, kv_heads, ff = 1024, 8, 1, 64
    (folder / "config.json").write_text(json.dumps({
        "model_type": "llama", "architectures": ["LlamaForCausalLM"], "vocab_size": vocabulary,
        "hidden_size": hidden, "intermediate_size": ff, "num_hidden_layers": 1,
        "num_attention_heads": heads, "num_key_value_heads": kv_heads,
        "max_position_embeddings": 64, "rms_norm_eps": 1e-5, "hidden_act": "silu",
        "tie_word_embeddings": True}))
    layer = "model.layers.0."
    shapes = {"model.embed_tokens.weight": [vocabulary, hidden],
              layer + "self_attn.q_proj.weight": [hidden, hidden],
              layer + "self_attn.k_proj.weight": [hidden // heads, hidden],
              layer + "self_attn.v_proj.weight": [hidden // heads, hidden],
              layer + "self_attn.o_proj.weight": [hidden, hidden],
              layer + "mlp.gate_proj.weight": [ff, hidden],
              layer + "mlp.up_proj.weight": [ff, hidden],
              layer + "mlp.down_proj.weight": [hidden, ff],
              layer + "input_layernorm.weight": [hidden],
              layer + "post_attention_layernorm.weight": [hidden],
              "model.norm.weight": [hidden]}
    header, end = {}, 0
    for name, shape in shapes.items():
        begin, count = end, 1
        for extent in shape:
            count *= extent
        end += 4 * count
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [begin, end]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(folder / "model.safetensors", "wb") as stream:
        stream.write(struct.pack("<Q", len(text)) + text)
        stream.truncate(8 + len(text) + end)
    return end


class ConvertTest(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)

    def convert(self, *arguments, **options):
        return run("model", "convert", *arguments, **options)

    def start(self, *arguments, **options):
        return subprocess.Popen([program.PROGRAM, "model", "convert", *map(str, arguments)],
                                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                env=clean_environment(), **options)

    def test_there_and_back_is_the_same_file(self):
        gguf, back = self.folder / "village.gguf", self.folder / "back"
        there = self.convert("willowbrook", gguf, "--json").json()
        self.assertEqual(there["format"], "gguf")
        self.assertEqual(there["tensors"], {"BF16": 43, "F32": 25})
        self.assertEqual(self.convert(gguf, back, "--json").json()["format"], "safetensors")
        self.assertEqual((back / "model.safetensors").read_bytes(),
                         (WILLOWBROOK / "model.safetensors").read_bytes())
        for model in (gguf, back):
            told = run("model", "test", model, "--prompt", "One day", "--max-tokens", 8,
                       "--temperature", 0, "--json").json()
            plain = run("model", "test", "willowbrook", "--prompt", "One day", "--max-tokens", 8,
                        "--temperature", 0, "--json").json()
            self.assertEqual(told["tokens"], plain["tokens"])
            self.assertEqual(run("model", "verify", model, "--json").json()["result"], "ok")

    def test_a_block_type_means_gguf_and_shards_are_cut_and_found(self):
        self.convert("willowbrook", self.folder / "small", "--quantize", "q4_k")
        self.assertEqual((self.folder / "small").read_bytes()[:4], b"GGUF")
        cut = self.convert("willowbrook", self.folder / "cut.gguf", "--quantize", "q8_0",
                           "--shard-size", "2M", "--json").json()
        self.assertGreater(cut["files"], 2)
        first = self.folder / f"cut-00001-of-{cut['files']:05}.gguf"
        self.assertEqual(run("model", "verify", first, "--json").json()["result"], "ok")
        self.assertFalse((self.folder / "cut.gguf").exists())

    def test_nothing_is_replaced_unless_told(self):
        target = self.folder / "model.gguf"
        target.write_text("mine")
        refused = self.convert("willowbrook", target, status=None)
        self.assertNotEqual(refused.status, 0)
        self.assertIn("already", refused.err)
        self.assertEqual(target.read_text(), "mine")
        self.convert("willowbrook", target, "--force")
        self.assertEqual(target.read_bytes()[:4], b"GGUF")

    def test_mistakes_on_the_command_line_are_told_apart(self):
        for wrong in (["--quantize", "q3_z"], ["--to", "onnx"]):
            result = self.convert("willowbrook", self.folder / "x", *wrong, status=2)
            self.assertIn(wrong[0], result.err)
        self.assertEqual(os.listdir(self.folder), [])

    def test_a_model_larger_than_memory_is_converted_within_bounds(self):
        weights = write_sparse_model(self.folder / "big", 1 << 18)
        self.assertGreater(weights, 1 << 30)
        child = self.start(self.folder / "big", self.folder / "big.gguf", "--quantize", "q8_0")
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        self.assertEqual(child.returncode, 0, child.stderr.read())
        child.stderr.close()
        self.assertLess(usage.ru_maxrss, 128 << 10)  # kB: an eighth of the weights
        self.assertGreater((self.folder / "big.gguf").stat().st_size, weights // 4)

    def test_a_write_that_fails_leaves_nothing(self):
        def limited():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))

        for target in ("model.gguf", "folder", "parts.gguf"):
            shards = ["--shard-size", "2M"] if target == "parts.gguf" else []
            child = self.start("willowbrook", self.folder / target, *shards, preexec_fn=limited)
            errors = child.communicate()[1].decode()
            self.assertNotEqual(child.returncode, 0)
            self.assertIn("cannot write file", errors)
            self.assertEqual(os.listdir(self.folder), [], target)

    def test_a_killed_conversion_leaves_no_file_under_the_final_name(self):
        write_sparse_model(self.folder / "big", 1 << 18)
        target = self.folder / "out" / "big.gguf"
        child = self.start(self.folder / "big", target, "--quantize", "f32")
        deadline = time.monotonic() + 60
        while not (target.parent.exists() and any(target.parent.iterdir())):
            self.assertLess(time.monotonic(), deadline)
            self.assertIsNone(child.poll())
        child.kill()
        child.communicate()
        self.assertFalse(target.exists())
        self.assertEqual(len(os.listdir(target.parent)), 1)
        self.convert(FIXTURES / "qwen3-untied", target)
        self.assertEqual(target.read_bytes()[:4], b"GGUF")
        self.assertEqual(os.listdir(target.parent), [target.name])


if __name__ == "__main__":
    program.main()
