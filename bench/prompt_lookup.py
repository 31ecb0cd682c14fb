#!/usr/bin/env python3
"""What guessing from a sequence's own text brings (--draft-max), by kind of text, in one run, by turns.

  bench/prompt_lookup.py MODEL [--program build/hyprstream] [--rounds 5] [--tokens 160] [--threads 2]

Greedy answers to prompts whose answer repeats the prompt, and to prompts for new text. Exit status 1 when an
answer with guesses is not the answer without. Prints the ratio of the decoding times of each pair: median, least
and most.
"""

import argparse
import json
import pathlib
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
CODE = """class Inventory:
    def __init__(self, items):
        self.items = items

    def total_price(self):
        return sum(item.price * item.count for item in self.items)

    def most_expensive(self):
        return max(self.items, key=lambda item: item.price)
"""
KINDS = {
    "repeats the prompt": [
        f"Repeat this program exactly:\n\n{CODE}",
        f"Rename the class Inventory to Store and print the whole program again:\n\n{CODE}",
    ],
    "new text": ["Tell me a long story about a fox and a lantern.",
                 "Explain how a bicycle stays upright, for a child.",
                 "Write a letter to a friend about a rainy day in the mountains.",
                 "Count from one to ten, then again, and again, and never stop."],
}


def answer(flags, prompt, draft):
    done = subprocess.run([flags.program, "run", flags.model, prompt, "--temperature", "0", "--ignore-eos",
                           "--max-tokens", str(flags.tokens), "--threads", str(flags.threads),
                           "--draft-max", str(draft), "--json"],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=True, text=True)
    report = json.loads(done.stdout)
    return report["ids"], report["timing"]["decode_seconds"]


def main():
    flags = argparse.ArgumentParser(description=__doc__,
                                    formatter_class=argparse.RawDescriptionHelpFormatter)
    flags.add_argument("model")
    flags.add_argument("--program", default=str(ROOT / "build" / "hyprstream"))
    flags.add_argument("--rounds", type=int, default=5)
    flags.add_argument("--tokens", type=int, default=160)
    flags.add_argument("--threads", type=int, default=2)
    flags = flags.parse_args()
    differing = 0
    for kind, prompts in KINDS.items():
        ratios = []
        for prompt in prompts:
            for _ in range(flags.rounds):
                plain, without = answer(flags, prompt, 0)
                guessed, with_guesses = answer(flags, prompt, 8)
                differing += plain != guessed
                ratios.append(without / with_guesses)
        print(f"{kind:<20}{statistics.median(ratios):6.2f} times the speed without  "
              f"({min(ratios):.2f}–{max(ratios):.2f}, n = {len(ratios)})", flush=True)
    if differing:
        print(f"{differing} answers differ", file=sys.stderr)
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
