"""`lora diff` and the picture of `lora info`."""

import json
import pathlib
import shutil
import tempfile
import unittest
import xml.etree.ElementTree

import program
from program import FIXTURES, clean_environment, run

BASE = FIXTURES / "qwen3-untied"
PEFT = FIXTURES / "peft"


class LoraShowTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp())
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.env = clean_environment(HYPRSTREAM_DATA=str(cls.folder / "data"))
        for name, adapter in (("seven", "a-all-seven"), ("other", "c-patterns"),
                              ("few", "d-layers")):
            cls.lora("import", PEFT / adapter, "--name", name, "--base-model", BASE)
        cls.lora("create", "--name", "fresh", "--base-model", BASE)
        cls.lora("create", "--name", "foreign", "--base-model", "willowbrook")

    @classmethod
    def lora(cls, *arguments, status=0):
        return run("lora", *arguments, env=cls.env, status=status)

    def diff(self, *names):
        return self.lora("diff", *names, "--format", "json").json()

    def test_an_adapter_does_not_differ_from_itself(self):
        same = self.diff("seven", "seven@1")
        self.assertEqual((same["added"], same["dropped"]), (0, 0))
        self.assertEqual(same["kept"], same["from"]["components"])
        self.assertEqual(same["relative_change"], 0)
        self.assertAlmostEqual(same["cosine"], 1)

    def test_two_adapters_and_the_base(self):
        two = self.diff("seven", "other")
        self.assertEqual(two["to"]["adapter"], "other")
        self.assertEqual(two["kept"] + two["dropped"], two["from"]["components"])
        self.assertEqual(two["kept"] + two["added"], two["to"]["components"])
        for key in ("kept", "added", "dropped"):
            self.assertEqual(two[key], sum(module[key] for module in two["modules"]))
        self.assertLess(abs(two["cosine"]), 0.5)
        self.assertGreater(two["relative_change"], 0)
        new = self.diff("fresh", "seven")
        self.assertEqual(new["from"], {"adapter": "fresh", "version": 0, "components": 0})
        self.assertEqual(new["added"], new["to"]["components"])
        self.assertIsNone(new["relative_change"])
        self.assertIsNone(new["cosine"])

    def test_every_format_and_every_fault(self):
        for format in ("table", "yaml"):
            text = self.lora("diff", "seven", "other", "--format", format).out
            self.assertIn("model.layers.0.self_attn.q_proj", text)
            self.assertIn("relative_change", text)
        self.assertIn("there is no such adapter", self.lora("diff", "seven", "none", status=1).err)
        self.assertIn("no such version", self.lora("diff", "seven", "seven@9", status=1).err)
        self.assertIn("different bases", self.lora("diff", "seven", "foreign", status=1).err)

    def test_the_table_of_info_ends_with_the_picture(self):
        text = self.lora("info", "few").out
        lines = text[text.index("components, at most"):].splitlines()
        self.assertEqual(lines[1].split()[:3], ["layer", "q", "v"])
        full = self.lora("info", "few", "--include-stats", "--format", "json").json()
        for layer, line in enumerate(lines[2:]):
            counts = [word for word in line.split()[1:] if word.isdigit()]
            expected = [t["components"] for t in full["tensors"]
                        if f".layers.{layer}." in t["name"] and t["name"].endswith("lora_A")]
            self.assertEqual([int(c) for c in counts], [c for c in expected if c], line)
        self.assertNotIn("\x1b", text)
        self.assertNotIn("layer", self.lora("info", "fresh").out)

    def test_the_svg_is_one(self):
        svg = self.folder / "few.svg"
        self.lora("info", "few", "--svg", svg, "--format", "json").json()
        root = xml.etree.ElementTree.parse(svg).getroot()
        space = "{http://www.w3.org/2000/svg}"
        self.assertEqual(root.tag, space + "svg")
        texts = [text.text for text in root.iter(space + "text")]
        self.assertIn("few@1", texts)
        self.assertIn("layer 0", texts)
        refused = self.lora("info", "fresh", "--svg", self.folder / "no.svg", status=1)
        self.assertIn("--svg", refused.err)
        self.assertFalse((self.folder / "no.svg").exists())

    def test_info_survives_a_base_that_has_gone(self):
        base = self.folder / "base"
        shutil.copytree(BASE, base)
        self.lora("import", PEFT / "d-layers", "--name", "orphan", "--base-model", base)
        shutil.rmtree(base)
        self.assertIn("cannot be shown", self.lora("info", "orphan").out)


if __name__ == "__main__":
    program.main()
