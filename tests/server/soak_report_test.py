"""What tools/soak makes of the numbers it has read: a leak is told from noise."""

import importlib.machinery
import importlib.util
import random
import types
import unittest

from server import ROOT, main

loader = importlib.machinery.SourceFileLoader("soak", str(ROOT / "tools" / "soak"))
soak = importlib.util.module_from_spec(importlib.util.spec_from_loader("soak", loader))
loader.exec_module(soak)


def rows(megabytes_per_hour=0.0, files=lambda second: 20, threads=lambda second: 15):
    chance = random.Random(5)
    return [(float(t), 180 + megabytes_per_hour * t / 3600 + chance.gauss(0, 1) +
             (30 if chance.random() < 0.05 else 0), files(t), threads(t)) for t in range(600)]


def judged(read, wrong=()):
    run = types.SimpleNamespace(versions={"ada": {"ada@1", "ada@2"}}, done={"chat": 7}, seed=1,
                                wrong=list(wrong))
    return soak.report(run, read)


class SoakReportTest(unittest.TestCase):
    def test_slopes(self):
        self.assertEqual(soak.theil_sen([0, 1, 2, 3], [1, 3, 5, 7])[0], 2)
        slope, lower, upper = soak.theil_sen(*zip(*[(t, m) for t, m, _, _ in rows(3600.0)]))
        self.assertTrue(lower <= slope <= upper)
        self.assertAlmostEqual(slope, 1.0, delta=0.01)  # a megabyte a second, outliers or not

    def test_noise_is_good(self):
        result = judged(rows())
        self.assertTrue(result["good"], result)
        self.assertEqual((result["requests"], result["versions_seen"]), (7, {"ada": 2}))

    def test_what_climbs_is_not(self):
        for read in (rows(100.0), rows(files=lambda t: 20 + t // 20),
                     rows(threads=lambda t: 15 + t // 100)):
            self.assertFalse(judged(read)["good"])

    def test_a_wrong_answer_is_not(self):
        self.assertFalse(judged(rows(), ["chat: another answer"])["good"])


if __name__ == "__main__":
    main()
