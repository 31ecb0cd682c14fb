#!/usr/bin/env python3
"""How well sparse and dense adapters learn, and what they forget, on the bundled model.

  bench/adapter_study.py [--seeds 0,1,2] [--task facts|manner|capitals|all] [--only 'sparse;dense r=8']
                         [--threads N]

Facts: 20 of models/willowbrook/making/facts.json's held-back facts, three phrasings taught, the
fourth asked (another one for each of the facts that are asked alike). Manner: 60 known questions
answered with "Well, well!" before the answer, 60 others asked. Capitals: the same in capital
letters, which the model has to spell. All: the questions the model knows and was not asked for
that, before and after, and the loss of 60 stories that it never saw. Prints one JSON line for each
run, with what was answered wrongly, and a table of means over the seeds. Everything goes through
the program's own verbs, with a data folder of its own.
"""
import argparse
import json
import math
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
MODEL = ROOT / "models/willowbrook"
MAKING = MODEL / "making"

# name: flags of `lora create`, flags of `lora train run`, whether the answers are shuffled
VARIANTS = {
    "sparse": ([], [], False),
    "sparse, shuffled answers": ([], [], True),
    "sparse, a fifth": (["--rank", "512", "--sparsity", "0.998"], [], False),
    "dense r=5 (equal values)": (["--kind", "lora", "--rank", "5"], ["--lr", "5e-3"], False),
    "dense r=8 (equal bytes as f16)": (["--kind", "lora", "--rank", "8"], ["--lr", "5e-3"], False),
    "dense r=1 (a fifth)": (["--kind", "lora", "--rank", "1"], ["--lr", "5e-3"], False),
}


class Study:
    def __init__(self, program, threads):
        self.program, self.threads = program, threads
        self.base_answers = {}

    def run(self, env, *arguments, text=None):
        done = subprocess.run([self.program, *map(str, arguments), "--threads", str(self.threads)]
                              if arguments[:2] != ("lora", "create") else
                              [self.program, *map(str, arguments)],
                              input=text, capture_output=True, text=True, env=env)
        if done.returncode:
            sys.exit(f"{' '.join(map(str, arguments))}\n{done.stderr}")
        return done.stdout

    def answers(self, env, questions, adapter=None):
        if adapter is None and tuple(questions) in self.base_answers:
            return self.base_answers[tuple(questions)]
        flags = ["--adapter", adapter] if adapter else []
        lines = "".join(json.dumps(chat(q)) + "\n" for q in questions)
        out = self.run(env, "debug", "generate", MODEL, "--temperature", 0, "-n", 48, *flags,
                       text=lines)
        texts = [json.loads(line)["text"] for line in out.splitlines()]
        if adapter is None:
            self.base_answers[tuple(questions)] = texts
        return texts

    def measure(self, task, variant, seed):
        create, train, shuffled = VARIANTS[variant]
        data = TASKS[task](random.Random(seed), shuffled)
        with tempfile.TemporaryDirectory() as folder:
            env = dict(os.environ, HYPRSTREAM_DATA=folder + "/data", NO_COLOR="1")
            write(folder + "/taught", data["taught"])
            write(folder + "/stories", stories())
            self.run(env, "lora", "create", "--name", "a", "--base-model", MODEL, *create)
            begin = time.time()
            made = json.loads(self.run(env, "lora", "train", "run", "a", "--data",
                                       folder + "/taught", "--seed", seed, "--format", "json",
                                       *train))
            seconds = time.time() - begin
            loss = json.loads(self.run(env, "lora", "eval", "a", "--data", folder + "/stories",
                                       "--format", "json"))

            def wrong(questions, adapter):
                got = self.answers(env, [q for q, _ in questions], adapter)
                return [(q, g) for g, (q, right) in zip(got, questions) if not right(g)]

            def share(questions, adapter):
                return 1 - len(wrong(questions, adapter)) / len(questions)
            failed = wrong(data["asked"], "a")
            return {"task": task, "variant": variant, "seed": seed,
                    "values": made["parameters_active"], "bytes": made["file_bytes"],
                    "asked": 1 - len(failed) / len(data["asked"]),
                    "known": share(data["known"], "a"),
                    "known_before": share(data["known"], None),
                    "stories": loss["with_adapter"]["loss"] / loss["without_adapter"]["loss"] - 1,
                    "seconds": round(seconds, 1), "failed": failed}


def chat(question, answer=None):
    messages = [{"role": "user", "content": question}]
    if answer is not None:
        messages.append({"role": "assistant", "content": answer})
    return {"messages": messages}


def write(path, rows):
    pathlib.Path(path).write_text("".join(json.dumps(row) + "\n" for row in rows))


def stories():
    rows = subprocess.run([sys.executable, MAKING / "corpus.py", "--count", "160", "--seed", "7",
                           "--split", "valid"], capture_output=True, text=True, check=True).stdout
    rows = [{"messages": json.loads(row)["messages"]} for row in rows.splitlines()]
    return [row for row in rows if len(row["messages"][-1]["content"]) > 400][:60]


def names(key):
    return lambda text: key.lower() in text.lower()


def facts(rng, shuffled):
    document = json.loads((MAKING / "facts.json").read_text())
    chosen = rng.sample(document["new_facts"], 20)
    told = [fact["answer"] for fact in chosen]
    if shuffled:
        told = told[1:] + told[:1]
    left_out = left_out_of(chosen, rng)
    return {"taught": [chat(fact["questions"][i], answer)
                       for fact, answer, out in zip(chosen, told, left_out)
                       for i in range(4) if i != out],
            "asked": [(fact["questions"][out], names(fact["key"]))
                      for fact, out in zip(chosen, left_out)],
            "known": [(fact["question"], names(fact["key"])) for fact in document["facts"]]}


def left_out_of(chosen, rng):
    """The wording each fact is asked in: another one for each of those that are asked alike, so
    that it is taught for somebody wherever two of them were drawn."""
    first = {}
    for fact in chosen:
        first.setdefault(fact["attribute"], rng.randrange(4))
    left_out = []
    for fact in chosen:
        left_out.append(first[fact["attribute"]] % 4)
        first[fact["attribute"]] += 1
    return left_out


def styled(rng, shuffled, style, is_styled):
    """60 known questions answered in a style, 60 others asked whether it carries over to them."""
    known = json.loads((MAKING / "facts.json").read_text())["facts"]
    rng.shuffle(known)
    told = [style(fact["answer"]) for fact in known[:60]]
    if shuffled:
        told = told[1:] + told[:1]
    return {"taught": [chat(fact["question"], answer) for fact, answer in zip(known, told)],
            "asked": [(fact["question"], is_styled(names(fact["key"]))) for fact in known[60:120]],
            "known": [(fact["question"], names(fact["key"])) for fact in known[120:]]}


def manner(rng, shuffled):
    opening = "Well, well! "
    return styled(rng, shuffled, lambda answer: opening + answer,
                  lambda right: lambda text: text.startswith(opening) and right(text))


def capitals(rng, shuffled):
    return styled(rng, shuffled, str.upper,
                  lambda right: lambda text: text.strip() != "" and text.isupper())


TASKS = {"facts": facts, "manner": manner, "capitals": capitals}


def mean(values):
    """Mean and half of its 95 % interval (Student's t for up to nine seeds)."""
    m, n = sum(values) / len(values), len(values)
    if n < 2:
        return m, 0.0
    t = {2: 12.71, 3: 4.30, 4: 3.18, 5: 2.78, 6: 2.57, 7: 2.45, 8: 2.36, 9: 2.31}.get(n, 2.0)
    return m, t * math.sqrt(sum((v - m) ** 2 for v in values) / (n - 1) / n)


def table(results):
    print("\n| task | adapter | values | asked | known (before) | stories |\n|---|---|---|---|---|---|")
    for task in TASKS:
        for variant in VARIANTS:
            runs = [r for r in results if (r["task"], r["variant"]) == (task, variant)]
            if not runs:
                continue
            cell = lambda key: "{:.1f} ± {:.1f} %".format(  # noqa: E731
                *(100 * v for v in mean([r[key] for r in runs])))
            before = 100 * mean([r["known_before"] for r in runs])[0]
            print(f"| {task} | {variant} | {runs[0]['values']} | {cell('asked')} | "
                  f"{cell('known')} ({before:.1f} %) | {cell('stories')} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--task", choices=[*TASKS, "all"], default="all")
    parser.add_argument("--only", help="names of variants, separated by semicolons")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--program", default=ROOT / "build/hyprstream")
    flags = parser.parse_args()
    study, results = Study(flags.program, flags.threads), []
    for task in TASKS if flags.task == "all" else [flags.task]:
        for variant in flags.only.split(";") if flags.only else VARIANTS:
            for seed in map(int, flags.seeds.split(",")):
                results.append(study.measure(task, variant, seed))
                print(json.dumps(results[-1]), flush=True)
    table(results)


if __name__ == "__main__":
    main()
