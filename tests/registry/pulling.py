"""What the tests of the Hub's client share: a home of its own, a mock hub, and what arrived."""

import functools
import hashlib
import os
import pathlib
import random
import sys
import tempfile
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
