#!/usr/bin/env python3
"""A training step beside PEFT's: the same shape, batch, rank and threads, in one run, by turns.

  bench/peft_train.py [--program build/hyprstream] [--shape qwen3-0.6b] [--rounds 2] [--threads 2]

Needs torch, transformers and peft (tools/python_clients --torch). Random weights in bfloat16, rank 16 on all
seven matrices of every layer, 2 samples of 256 tokens, loss on every token, AdamW on the adapter. Prints
tokens/s and peak memory of both, and the ratios.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
SHAPES = {
    "qwen3-0.6b": dict(hidden_size=1024, intermediate_size=3072, num_hidden_layers=28, num_attention_heads=16,
                 num_key_value_heads=8, head_dim=128, vocab_size=151936),
    "qwen3-1.7b": dict(hidden_size=2048, intermediate_size=6144, num_hidden_layers=28, num_attention_heads=16,
                 num_key_value_heads=8, head_dim=128, vocab_size=151936),
}
MODULES = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
SAMPLES, TOKENS, RANK = 2, 256, 16


def peft_steps(shape, steps, threads):
    """Run in a process of its own, whose peak memory is PEFT's: seconds of each step."""
    import peft
    import torch
    import transformers

    torch.set_num_threads(threads)
    torch.manual_seed(1)
    torch.set_default_dtype(torch.bfloat16)
    config = transformers.Qwen3Config(**SHAPES[shape], tie_word_embeddings=True, use_cache=False)
    base = transformers.Qwen3ForCausalLM(config)
    model = peft.get_peft_model(base, peft.LoraConfig(r=RANK, lora_alpha=2 * RANK,
                                                      target_modules=MODULES))
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-4)
    ids = torch.randint(0, config.vocab_size, (SAMPLES, TOKENS))
    seconds = []
    for _ in range(steps + 1):
        begin = time.perf_counter()
        optimizer.zero_grad(set_to_none=True)
        model(input_ids=ids, labels=ids).loss.backward()
        optimizer.step()
        seconds.append(time.perf_counter() - begin)
    return seconds[1:]  # the first one allocates and compiles


def peak_mb_of_self():
    status = pathlib.Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def main():
    flags = argparse.ArgumentParser(description=__doc__,
                                    formatter_class=argparse.RawDescriptionHelpFormatter)
    flags.add_argument("--program", default=str(ROOT / "build" / "hyprstream"))
    flags.add_argument("--shape", default="qwen3-0.6b", choices=sorted(SHAPES))
    flags.add_argument("--rounds", type=int, default=2)
    flags.add_argument("--steps", type=int, default=2)
    flags.add_argument("--threads", type=int, default=2)
    flags.add_argument("--peft-process", action="store_true", help=argparse.SUPPRESS)
    flags = flags.parse_args()
    if flags.peft_process:
        print(json.dumps({"seconds": peft_steps(flags.shape, flags.steps, flags.threads),
                          "peak_mb": peak_mb_of_self()}))
        return 0
    ours, theirs, our_peak, their_peak = [], [], [], []
    for _ in range(flags.rounds):
        run = subprocess.run([flags.program, "bench", "train", "--shape", flags.shape, "--type", "bf16",
                              "--threads", str(flags.threads), "--repeat", str(flags.steps), "--json"],
                             stdout=subprocess.PIPE, check=True, text=True)
        report = json.loads(run.stdout)
        ours.append(report["tokens_per_second"])
        our_peak.append(report["peak_resident_bytes"] / 2**20)
        run = subprocess.run([sys.executable, "-W", "ignore", __file__, "--peft-process", "--shape",
                              flags.shape, "--steps", str(flags.steps), "--threads",
                              str(flags.threads)],
                             stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True, text=True,
                             env={**os.environ, "HF_HUB_OFFLINE": "1"})
        report = json.loads(run.stdout)
        theirs += [SAMPLES * TOKENS / s for s in report["seconds"]]
        their_peak.append(report["peak_mb"])
    tokens, peft_tokens = statistics.median(ours), statistics.median(theirs)
    print(f"shape {flags.shape}, bf16, {SAMPLES} x {TOKENS} tokens, rank {RANK}, {flags.threads} threads, "
          f"n = {len(theirs)}")
    print(f"hyprstream {tokens:7.1f} tokens/s  peak {max(our_peak):6.0f} MB")
    print(f"PEFT       {peft_tokens:7.1f} tokens/s  peak {max(their_peak):6.0f} MB")
    print(f"ratio      {tokens / peft_tokens:7.2f}           {max(our_peak) / max(their_peak):6.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
