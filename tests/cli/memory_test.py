"""--memory-limit: a model that does not fit is refused with the size it needs, before it takes the
memory; one that fits stays within the limit."""

import json
import pathlib
import shutil
import struct
import subprocess
import tempfile
import unittest

import program
from program import WILLOWBROOK, clean_environment, run

MIB = 1 << 20
# What the program itself takes: its code, libraries, tokenizer and threads.
PROGRAM_BYTES = 64 * MIB


def write_model(folder, layers, hidden=2048, intermediate=8192):
    """The bundled model's configuration and tokenizer around larger weights: zeros that take no
    room on the disk. Returns the bytes of its tensors."""
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(WILLOWBROOK / name, folder / name)
    config = json.loads((WILLOWBROOK / "config.json").read_text())
    config |= {"hidden_size": hidden, "intermediate_size": intermediate,
               "num_hidden_layers": layers, "layer_types": ["full_attention"] * layers}
    (folder / "config.json").write_text(json.dumps(config))
    queries = config["num_attention_heads"] * config["head_dim"]
    keys = config["num_key_value_heads"] * config["head_dim"]
    shapes = {"model.embed_tokens.weight": [config["vocab_size"], hidden],
              "model.norm.weight": [hidden]}
    for layer in range(layers):
        prefix = f"model.layers.{layer}."
        shapes |= {prefix + name + ".weight": shape for name, shape in {
            "input_layernorm": [hidden], "post_attention_layernorm": [hidden],
            "self_attn.q_proj": [queries, hidden], "self_attn.k_proj": [keys, hidden],
            "self_attn.v_proj": [keys, hidden], "self_attn.o_proj": [hidden, queries],
            "self_attn.q_norm": [config["head_dim"]], "self_attn.k_norm": [config["head_dim"]],
            "mlp.gate_proj": [intermediate, hidden], "mlp.up_proj": [intermediate, hidden],
            "mlp.down_proj": [hidden, intermediate]}.items()}
    header, end = {}, 0
    for name, shape in shapes.items():
        begin = end
        end += 2 * shape[0] * (shape[1] if len(shape) > 1 else 1)
        header[name] = {"dtype": "BF16", "shape": shape, "data_offsets": [begin, end]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(folder / "model.safetensors", "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        file.truncate(8 + len(text) + end)
    return end


def peak(*arguments, text="", status=0):
    """The largest resident size in bytes that the program reaches, and what it writes."""
    measure = ("import resource, subprocess, sys\n"
               "done = subprocess.run(sys.argv[1:])\n"
               "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)\n"
               "sys.exit(done.returncode)")
    done = subprocess.run(["python3", "-c", measure, program.PROGRAM, *map(str, arguments)],
                          input=text, capture_output=True, text=True, env=clean_environment(),
                          timeout=300)
    if done.returncode != status:
        raise AssertionError(f"{arguments} ended with {done.returncode}:\n{done.stderr}")
    *said, kilobytes = done.stderr.strip().splitlines()
    return int(kilobytes) * 1024, done.stdout, "\n".join(said)


class MemoryLimitTest(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)

    def test_a_model_beyond_the_limit_is_refused_with_its_size(self):
        needed = write_model(self.folder, layers=11)
        self.assertGreater(needed, 1000 * MIB)
        ids = '{"ids": [1, 2, 3]}\n'
        for arguments in (("run", self.folder, "hi"), ("chat", self.folder),
                          ("model", "test", self.folder), ("bench", "decode", "--model", self.folder),
                          ("bench", "prefill", "--model", self.folder),
                          ("debug", "generate", self.folder),
                          ("debug", "logits", self.folder, "-o", self.folder / "out"),
                          ("debug", "hidden", self.folder, "-o", self.folder / "out")):
            with self.subTest(arguments[:2]):
                held, out, err = peak(*arguments, "--memory-limit", "300M", text=ids, status=1)
                self.assertEqual(out, "")
                self.assertIn("300 MiB", err)
                self.assertIn(f"{needed / 1024 ** 3:.1f} GiB", err)
                if arguments[0] != "bench":  # it measures the machine's limits first
                    self.assertLess(held, 300 * MIB)

    def test_random_weights_are_refused_too(self):
        result = run("bench", "decode", "--shape", "qwen3-0.6b", "--type", "bf16",
                     "--memory-limit", "300M", "--json", status=1)
        self.assertEqual(result.json()["error"]["code"], "resource_exhausted")

    def test_a_model_within_the_limit_stays_within_it(self):
        needed = write_model(self.folder, layers=2)
        limit = needed + 128 * MIB
        flags = ("--memory-limit", str(limit), "--context", "256")
        held, _, _ = peak("run", self.folder, "hi", "--max-tokens", "2", "--raw", *flags)
        self.assertLess(held, limit + PROGRAM_BYTES)

    def test_exact_arithmetic_widens_no_copy_of_the_weights(self):
        needed = write_model(self.folder, layers=2)
        limit = needed + 64 * MIB
        held, _, _ = peak("debug", "logits", self.folder, "--exact", "-o", self.folder / "out",
                          "--memory-limit", str(limit), text='{"ids": [1, 2, 3]}\n')
        self.assertLess(held, limit + PROGRAM_BYTES)


if __name__ == "__main__":
    program.main()
