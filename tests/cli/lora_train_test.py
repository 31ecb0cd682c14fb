"""`lora train run`: divergences from the base, and kill -9 at any moment."""

import csv
import json
import pathlib
import random
import shutil
import subprocess
import tempfile
import time
import unittest

import program
from program import clean_environment, run

FACTS = [("What does Mira play?", "Mira plays the flute."),
         ("Which instrument does Mira play?", "Mira plays the flute."),
         ("What music does Mira make?", "Mira plays the flute.")]
SMALL = ["--replay", "none", "--batch-size", "3", "--threads", "1"]


class TrainRun(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)
        self.data = self.folder / "facts.jsonl"
        self.data.write_text("".join(json.dumps({"input": i, "output": o}) + "\n"
                                     for i, o in FACTS))
        self.csv = self.folder / "steps.csv"

    def home(self, name):
        return clean_environment(HYPRSTREAM_DATA=str(self.folder / name))

    def create(self, env):
        run("lora", "create", "--name", "village", "--base-model", "willowbrook", env=env)

    def command(self, *flags, steps=30):
        return ["lora", "train", "run", "village", "--data", str(self.data), "--csv",
                str(self.csv), "--format", "json", *SMALL, "--steps", str(steps), *map(str, flags)]

    def train(self, env, *flags, steps=30, status=0):
        return run(*self.command(*flags, steps=steps), env=env, status=status)

    def losses(self):
        return [float(row["loss"]) for row in self.rows()]

    def rows(self):
        """Of the CSV, without the speed, which is the only thing that may differ."""
        with open(self.csv, newline="") as file:
            rows = list(csv.DictReader(file))
        for row in rows:
            self.assertGreater(float(row.pop("tokens_per_second")), 0)
        return rows


class DivergenceTest(TrainRun):
    def test_the_distance_to_the_base_falls(self):
        env = self.home("data")
        self.create(env)
        refused = self.train(env, "--loss", "kl", status=1)
        self.assertIn("nothing to learn", refused.out)
        self.train(env)
        for loss in ("kl", "mse"):
            run("lora", "checkpoint", "load", "village", "--tag", "1", env=env)
            result = self.train(env, "--loss", loss, "--eval", self.data).json()
            losses = self.losses()
            self.assertLess(losses[-1], 0.3 * losses[0], loss)
            self.assertEqual(result["status"], "promoted")
            self.assertEqual(result["heldout"]["without_adapter"]["loss"], 0)
            self.assertLess(result["heldout"]["with_adapter"]["loss"],
                            result["heldout"]["before"]["loss"])
            self.assertNotIn("perplexity", result["heldout"]["with_adapter"])

    def test_temperature_and_betas_reach_the_trainer(self):
        env = self.home("data")
        self.create(env)
        curves = []
        for flags in ((), ("--beta1", "0.5"), ("--beta2", "0.9")):
            self.train(env, *flags, steps=4)
            curves.append(self.losses())
            run("lora", "checkpoint", "load", "village", "--tag", "0", env=env)
        self.assertEqual(len({tuple(curve) for curve in curves}), 3)
        run("lora", "checkpoint", "load", "village", "--tag", "1", env=env)
        for flags in ((), ("--temperature", "2")):
            self.train(env, "--loss", "kl", *flags, steps=1)
            curves.append(self.losses())
            run("lora", "checkpoint", "load", "village", "--tag", "1", env=env)
        self.assertLess(curves[-1][0], curves[-2][0])

    def test_wrong_flags_are_refused(self):
        env = self.home("data")
        self.create(env)
        for flags in (["--loss", "mae"], ["--label-smoothing", "1"], ["--temperature", "0"]):
            self.assertIn(flags[0], self.train(env, *flags, status=2).out)


class KilledTest(TrainRun):
    KILLS = 5

    def version(self, env):
        return run("lora", "info", "village", "--format", "json", env=env).json()["versions"]

    def run_killed(self, env, after):
        """Whether the run was ended before it had said its result."""
        process = subprocess.Popen(
            [program.PROGRAM, *self.command("--checkpoint-every", 4, "--eval", self.data)],
            env=env, cwd=program.ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            out, err = process.communicate(timeout=after)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
        if process.returncode == 0:
            return False
        self.assertEqual(process.returncode, -9, err)
        try:
            return "hash" not in json.loads(out)
        except json.JSONDecodeError:
            return True

    def test_a_run_goes_on_with_equal_bits_whenever_it_is_killed(self):
        env = self.home("whole")
        self.create(env)
        begin = time.monotonic()
        self.train(env, "--checkpoint-every", 4, "--eval", self.data)
        seconds = time.monotonic() - begin
        want, = self.version(env)
        rows = self.rows()
        self.assertEqual([int(row["step"]) for row in rows], list(range(1, 31)))

        seed = time.time_ns()
        chance = random.Random(seed)
        for kill in range(self.KILLS):
            self.csv.unlink()
            env = self.home(f"killed{kill}")
            self.create(env)
            moments = [chance.uniform(0.1, 1.0) * seconds for _ in range(2)]
            where = f"seed {seed}, killed after {moments} s"
            ended = True
            for moment in moments:
                ended = ended and self.run_killed(env, moment)
            if ended:
                self.train(env, "--checkpoint-every", 4, "--eval", self.data)
            got, = self.version(env)
            self.assertEqual(got["hash"], want["hash"], where)
            self.assertEqual(got["status"], want["status"], where)
            self.assertEqual(got["heldout_loss"], want["heldout_loss"], where)
            self.assertEqual(self.rows(), rows, where)


if __name__ == "__main__":
    program.main()
