"""What the tests of Ollama's models share: a home of its own, willowbrook as a GGUF, an adapter."""

import array
import json
import os
import pathlib
import random
import shutil
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "cli"))

from program import FIXTURES, WILLOWBROOK, run

TINY = (FIXTURES / "gguf" / "qwen3-gguf" / "model-Q8_0.gguf")
GO_TEMPLATE = (b"{{- range .Messages }}<|im_start|>{{ .Role }}\n{{ .Content }}<|im_end|>\n{{ end }}"
               b"<|im_start|>assistant\n")


def write_peft(folder, rank=4, seed=3):
    """A LoRA over willowbrook's q_proj that is strong enough to be seen."""
    config = json.loads((WILLOWBROOK / "config.json").read_text())
    hidden, out = config["hidden_size"], config["num_attention_heads"] * config["head_dim"]
    layers = config["num_hidden_layers"]
    noise, header, data = random.Random(seed), {}, b""
    for layer in range(layers):
        for part, shape in (("A", [rank, hidden]), ("B", [out, rank])):
            values = array.array("f", (noise.gauss(0, 0.6) for _ in range(shape[0] * shape[1])))
            name = f"base_model.model.model.layers.{layer}.self_attn.q_proj.lora_{part}.weight"
            header[name] = {"dtype": "F32", "shape": shape,
                            "data_offsets": [len(data), len(data) + 4 * len(values)]}
            data += values.tobytes()
    text = json.dumps(header).encode()
    folder.mkdir()
    (folder / "adapter_model.safetensors").write_bytes(len(text).to_bytes(8, "little") + text + data)
    (folder / "adapter_config.json").write_text(json.dumps(
        {"peft_type": "LORA", "r": rank, "lora_alpha": 8, "target_modules": ["q_proj"],
         "layers_to_transform": list(range(layers)), "base_model_name_or_path": "willowbrook"}))


class OllamaCase(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.shared = pathlib.Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        run("model", "convert", WILLOWBROOK, cls.shared / "tale.gguf")
        bare = cls.shared / "bare"
        shutil.copytree(WILLOWBROOK, bare, ignore=shutil.ignore_patterns("making"))
        config = json.loads((bare / "tokenizer_config.json").read_text())
        del config["chat_template"]
        (bare / "tokenizer_config.json").write_text(json.dumps(config))
        run("model", "convert", bare, cls.shared / "bare.gguf")
        cls.tale = (cls.shared / "tale.gguf").read_bytes()
        cls.bare = (cls.shared / "bare.gguf").read_bytes()
        cls.tiny = TINY.read_bytes()

    def setUp(self):
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.ollama = self.folder / "ollama"
        kept = {k: v for k, v in os.environ.items()
                if not k.startswith(("HYPRSTREAM_", "HF_", "HUGGING", "TRANSFORMERS", "OLLAMA_"))
                and not k.lower().endswith("_proxy")}
        self.env = kept | {"HOME": str(self.folder), "XDG_DATA_HOME": str(self.folder / "data"),
                           "XDG_CACHE_HOME": str(self.folder / "cache"),
                           "XDG_CONFIG_HOME": str(self.folder / "config"),
                           "OLLAMA_MODELS": str(self.ollama)}

    def do(self, *arguments, status=0, **extra):
        return run(*arguments, env=self.env | extra, status=status)

    def json(self, *arguments, **more):
        return self.do(*arguments, "--json", **more).json()

    def say(self, model, *arguments):
        return self.json("run", model, "Who is Rosa?", "--max-tokens", 12, "--temperature", 0,
                         *arguments)

    @property
    def models(self):
        return self.folder / "data" / "hyprstream" / "models"
