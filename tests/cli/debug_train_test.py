"""`hyprstream debug gradients|train` against PyTorch's numbers, and against AdamW's formula."""

import json
import math
import pathlib
import shutil
import tempfile
import unittest

import program
from program import FIXTURES, Tensors, clean_environment, largest_difference, run

BASE = FIXTURES / "qwen3-untied"
TRAIN = FIXTURES / "train"
PEFT = FIXTURES / "peft"


def batch_lines():
    batch = Tensors(TRAIN / "batch_and_losses.safetensors")
    (count, length), ids = batch["input_ids"]
    _, labels = batch["labels"]
    return [{"ids": list(ids[i * length:(i + 1) * length]),
             "labels": list(labels[i * length:(i + 1) * length])} for i in range(count)]


class Folder(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)
        self.output = self.folder / "out.safetensors"
        self.env = clean_environment(HYPRSTREAM_DATA=str(self.folder / "data"))

    def gradients(self, adapter, *flags, status=0, lines=None):
        return run("debug", "gradients", BASE, "--adapter", adapter, "--output", self.output,
                   *flags, lines=batch_lines() if lines is None else lines, status=status,
                   env=self.env)

    def train(self, adapter, *flags, output="trained", status=0, lines=None):
        """The lines that were printed, and A and B afterwards."""
        folder = self.folder / output
        done = run("debug", "train", BASE, "--adapter", adapter, "--exact", "--output", folder,
                   *flags, lines=batch_lines() if lines is None else lines, status=status,
                   env=self.env)
        if status != 0:
            self.assertFalse(folder.exists())
            return done, None
        return done.lines(), Tensors(folder / "adapter_model.safetensors")


class GradientsTest(Folder):
    """The adapter's gradients of every loss, exactly and as serving computes."""

    def relative_difference(self, got, want):
        return largest_difference(got, want) / max(abs(value) for value in want)

    def test_gradients_equal_the_reference(self):
        batch = Tensors(TRAIN / "batch_and_losses.safetensors")
        for name, flags in (("ce", ["--loss", "ce"]),
                            ("ce_smooth_0.1", ["--loss", "ce", "--label-smoothing", "0.1"]),
                            ("kl_t1", ["--loss", "kl"]),
                            ("kl_t2", ["--loss", "kl", "--temperature", "2"]),
                            ("mse", ["--loss", "mse"])):
            result = self.gradients(PEFT / "a-all-seven", "--exact", *flags)
            wanted = Tensors(TRAIN / f"gradients_{name}.safetensors")
            got = Tensors(self.output)
            loss = batch["loss." + name][1][0]
            self.assertAlmostEqual(got.pop("loss")[1][0], loss, delta=1e-5 * max(1, loss))
            self.assertAlmostEqual(result.json()["loss"], loss, delta=1e-5 * max(1, loss))
            self.assertEqual(got.keys(), wanted.keys())
            for tensor, (shape, values) in wanted.items():
                self.assertEqual(got[tensor][0], shape, tensor)
                self.assertLessEqual(self.relative_difference(got[tensor][1], values), 3e-5,
                                     (name, tensor))

    def test_threads_change_no_bit(self):
        self.gradients(PEFT / "a-all-seven", "--exact", "--threads", "1")
        alone = self.output.read_bytes()
        self.gradients(PEFT / "a-all-seven", "--exact", "--threads", "2")
        self.assertEqual(self.output.read_bytes(), alone)

    def test_a_stored_adapter_is_found_by_its_name(self):
        run("lora", "import", PEFT / "a-all-seven", "--name", "seven", "--base-model", BASE,
            env=self.env)
        self.gradients("seven", "--exact")
        got = Tensors(self.output)
        for tensor, (shape, values) in Tensors(TRAIN / "gradients_ce.safetensors").items():
            self.assertEqual(got[tensor][0], shape, tensor)
            self.assertLessEqual(self.relative_difference(got[tensor][1], values), 3e-5, tensor)
        refused = self.gradients("eight", status=1)
        self.assertIn("seven", refused.err)

    def test_an_adapter_without_weights_is_refused(self):
        run("lora", "create", "--name", "fresh", "--base-model", BASE, env=self.env)
        self.assertIn("fresh@0", self.gradients("fresh", status=1).err)

    def test_a_bad_line_is_named(self):
        for bad in ({"ids": [1, 2]}, {"ids": [1, 2], "labels": [1]},
                    {"ids": [1, 512], "labels": [1, 2]}, {"ids": [1, 2], "labels": [1, 512]},
                    {"ids": [1, 2], "labels": [-100, -100]}):
            result = self.gradients(PEFT / "a-all-seven", status=1,
                                    lines=[{"ids": [1, 2], "labels": [-100, 2]}, bad])
            self.assertIn("line 2", result.err + result.out, bad)

    def test_wrong_flags_are_refused(self):
        for flags in (["--loss", "mae"], ["--label-smoothing", "1"], ["--temperature", "0"]):
            self.gradients(PEFT / "a-all-seven", *flags, status=2, lines=[])


class TrainTest(Folder):
    def test_ten_steps_end_where_pytorch_ends(self):
        for name, flags in (("adamw", ["--betas", "0.9,0.999"]),
                            ("adamw_clip1", ["--clip", "1"]),
                            ("adamw_accumulate2x2", ["--accumulate", "2"])):
            wanted = Tensors(TRAIN / f"{name}.safetensors")
            steps, got = self.train(PEFT / "a-all-seven", "--steps", 10, "--lr", "1e-2", *flags,
                                    output=name)
            self.assertEqual([line["step"] for line in steps], list(range(1, 11)))
            self.assertLess(largest_difference([line["loss"] for line in steps],
                                               wanted["loss_before_step"][1]), 2e-5, name)
            for line, norm in zip(steps, wanted["gradient_norm_before_clipping"][1]):
                self.assertAlmostEqual(line["grad_norm"], norm, delta=1e-4 * norm)
            final = {k[len("final."):]: v for k, v in wanted.items() if k.startswith("final.")}
            self.assertEqual(got.keys(), final.keys())
            for tensor, (shape, values) in final.items():
                self.assertEqual(got[tensor][0], shape, tensor)
                self.assertLess(largest_difference(got[tensor][1], values), 5e-5, (name, tensor))

    def test_what_is_written_acts_as_it_was_trained(self):
        self.train(PEFT / "a-all-seven", "--lr", "1e-2")
        done = self.gradients(self.folder / "trained", "--exact")
        after = Tensors(TRAIN / "adamw.safetensors")["loss_after_last_step"][1][0]
        self.assertAlmostEqual(done.json()["loss"], after, delta=2e-5)

    def test_a_step_is_adamws_whatever_the_modules_scale(self):
        flags = ["--lr", "0.02", "--betas", "0.8", "0.9", "--eps", "1e-3", "--weight-decay", "0.3"]
        for name in ("b-rslora", "c-patterns", "d-layers"):
            before = Tensors(PEFT / name / "adapter_model.safetensors")
            self.gradients(PEFT / name, "--exact")
            gradients = Tensors(self.output)
            steps, after = self.train(PEFT / name, "--steps", 1, *flags, output=name)
            norm = math.sqrt(sum(g * g for tensor, (_, values) in gradients.items()
                                 if tensor != "loss" for g in values))
            self.assertAlmostEqual(steps[0]["grad_norm"], norm, delta=1e-5 * norm)
            self.assertEqual(after.keys(), before.keys())
            for tensor, (shape, values) in before.items():
                self.assertEqual(after[tensor][0], shape)
                # Of the first step: both moments, corrected, are the gradient and its square.
                expected = [w * (1 - 0.02 * 0.3) - 0.02 * g / (abs(g) + 1e-3)
                            for w, g in zip(values, gradients[tensor][1])]
                self.assertLess(largest_difference(after[tensor][1], expected), 2e-6,
                                (name, tensor))

    def test_patterns_survive(self):
        self.train(PEFT / "c-patterns", "--steps", 1, "--lr", "0")
        config = json.loads((self.folder / "trained" / "adapter_config.json").read_text())
        self.assertTrue(config["rank_pattern"])
        self.assertTrue(config["alpha_pattern"])
        ids = [{"ids": [5, 6, 7, 8]}]
        logits = []
        for i, adapter in enumerate((PEFT / "c-patterns", self.folder / "trained")):
            out = self.folder / f"{i}.safetensors"
            run("debug", "logits", BASE, "--exact", "--adapter", adapter, "-o", out, lines=ids)
            logits.append(Tensors(out)["logits.0"][1])
        self.assertLess(largest_difference(*logits), 1e-6)

    def test_a_stored_adapter_is_trained_without_being_changed(self):
        run("lora", "import", PEFT / "b-rslora", "--name", "two", "--base-model", BASE,
            env=self.env)
        _, by_name = self.train("two", "--steps", 3, "--lr", "1e-2", output="by-name")
        _, by_path = self.train(PEFT / "b-rslora", "--steps", 3, "--lr", "1e-2", output="by-path")
        for tensor, (_, values) in by_path.items():
            self.assertLess(largest_difference(by_name[tensor][1], values), 5e-5, tensor)
        versions = run("lora", "info", "two", "--format", "json", env=self.env).json()["versions"]
        self.assertEqual(len(versions), 1)

    def test_threads_change_no_bit(self):
        results = [self.train(PEFT / "a-all-seven", "--steps", 2, "--lr", "1e-2", "--loss", "kl",
                              "--threads", n, output=f"threads{n}") for n in (1, 2)]
        self.assertEqual(results[0], results[1])

    def test_parts_of_any_size_make_the_same_step(self):
        _, whole = self.train(PEFT / "a-all-seven", "--steps", 1, "--lr", "1e-2", output="whole")
        for parts in (3, 4):
            _, got = self.train(PEFT / "a-all-seven", "--steps", 1, "--lr", "1e-2",
                                "--accumulate", parts, output=f"parts{parts}")
            for tensor, (_, values) in whole.items():
                self.assertLess(largest_difference(got[tensor][1], values), 5e-5)

    def test_wrong_flags_are_refused(self):
        for flags in (["--steps", "0"], ["--lr", "-1"], ["--betas", "0.9,1"], ["--clip", "nan"],
                      ["--betas", "0.9"], ["--accumulate", "5"], ["--loss", "mae"],
                      ["--weight-decay", "-1"]):
            rate = [] if flags[0] == "--lr" else ["--lr", "1e-2"]
            done, _ = self.train(PEFT / "a-all-seven", *rate, *flags, status=2)
            self.assertIn(flags[0], done.err)

    def test_nothing_is_overwritten(self):
        (self.folder / "there").write_text("mine")
        run("debug", "train", BASE, "--adapter", PEFT / "a-all-seven", "--lr", "0", "--output",
            self.folder / "there", lines=batch_lines(), status=1)
        self.assertEqual((self.folder / "there").read_text(), "mine")


if __name__ == "__main__":
    program.main()
