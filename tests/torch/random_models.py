#!/usr/bin/env python3
"""Random models of every family, computed by transformers and by the program.

  random_models.py --program build/hyprstream [--models 40] [--seed 1]

Every draw is a configuration that transformers accepts: sizes, grouped heads, biases, tied heads,
sliding windows, experts, rotations with every kind of scaling, written by transformers itself or in the
older spelling of the same thing. Logits of one prompt and the sum of its log-probabilities have to agree
within five times what float32 itself leaves open, which is measured: the same model in float64.
"""

import argparse
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")

import torch
import transformers
from safetensors.torch import load_file

transformers.utils.logging.disable_progress_bar()

FAMILIES = {
    "qwen3": transformers.Qwen3ForCausalLM,
    "qwen3_moe": transformers.Qwen3MoeForCausalLM,
    "qwen2": transformers.Qwen2ForCausalLM,
    "llama": transformers.LlamaForCausalLM,
    "mistral": transformers.MistralForCausalLM,
}
ROUNDINGS = 5      # between two ways of summing in float32
FLOOR = 1e-6       # of the largest logit


def draw_rope(rng, family):
    """(kind, fields) of a rotation; `family` decides which kinds are in use."""
    kind = rng.choice(["default", "default", "linear", "dynamic", "yarn", "llama3"])
    theta = rng.choice([1e4, 5e5, 1e6])
    rope = {"rope_type": kind, "rope_theta": theta}
    if kind != "default":
        rope["factor"] = rng.choice([1.5, 2.0, 4.0, 8.0])
    if kind == "yarn":
        rope["original_max_position_embeddings"] = rng.choice([16, 32, 64])
        if rng.random() < 0.4:
            rope.update(beta_fast=rng.choice([16, 32, 64]), beta_slow=rng.choice([1, 2]))
        if rng.random() < 0.3:
            rope["attention_factor"] = rng.choice([0.9, 1.2])
    if kind == "llama3":
        rope.update(low_freq_factor=1.0, high_freq_factor=rng.choice([2.0, 4.0]),
                    original_max_position_embeddings=rng.choice([16, 32, 64]))
    return rope


def draw(rng):
    family = rng.choice(list(FAMILIES))
    kv_heads = rng.choice([1, 2, 3])
    heads = kv_heads * rng.choice([1, 2, 4])
    head_dim = rng.choice([8, 12, 16, 20, 32, 64])
    layers = rng.randint(1, 4)
    hidden = rng.choice([16, 24, 40, 48, 64, 72])
    if family == "qwen2":
        hidden = heads * head_dim
    elif family == "llama":
        hidden = heads * rng.choice([8, 12, 16])
    rope = draw_rope(rng, family)
    fields = dict(
        vocab_size=rng.choice([64, 130, 257, 512]), hidden_size=hidden,
        intermediate_size=rng.choice([24, 56, 80, 112, 160]), num_hidden_layers=layers,
        num_attention_heads=heads, num_key_value_heads=kv_heads, rope_parameters=rope,
        max_position_embeddings=rng.choice([32, 64, 256]), initializer_range=0.2,
        rms_norm_eps=rng.choice([1e-5, 1e-6]), tie_word_embeddings=rng.random() < 0.5,
        bos_token_id=None, eos_token_id=None, pad_token_id=None)
    if family != "qwen2":
        fields["head_dim"] = head_dim
    if family in ("llama", "qwen3", "qwen3_moe"):
        fields["attention_bias"] = rng.random() < 0.3
    if family == "llama":
        fields["mlp_bias"] = rng.random() < 0.3
    if family == "mistral":
        fields["sliding_window"] = rng.choice([None, 8, 17, 64])
    if family in ("qwen2", "qwen3") and rng.random() < 0.5:
        fields.update(use_sliding_window=True, sliding_window=rng.choice([8, 17]),
                      max_window_layers=rng.randint(0, layers))
    if family == "qwen3_moe":
        experts = rng.choice([4, 6, 8])
        fields.update(num_experts=experts, num_experts_per_tok=rng.randint(1, min(3, experts)),
                      moe_intermediate_size=rng.choice([24, 32, 56]),
                      norm_topk_prob=rng.random() < 0.5,
                      decoder_sparse_step=rng.choice([1, 1, 2]),
                      mlp_only_layers=[0] if layers > 1 and rng.random() < 0.3 else [])
    return family, fields


def context_length(fields):
    """How long a sequence may be: what was trained, and what the rotation stretches it to."""
    rope = fields["rope_parameters"]
    trained = rope.get("original_max_position_embeddings", fields["max_position_embeddings"])
    stretched = int(trained * rope.get("factor", 1)) if rope["rope_type"] in ("dynamic", "yarn") else 0
    return max(fields["max_position_embeddings"], stretched)


def spell_as_before(folder):
    """Rewrites rope_parameters as rope_theta and rope_scaling, as files of the years before do."""
    path = folder / "config.json"
    config = json.loads(path.read_text())
    rope = config.pop("rope_parameters")
    config["rope_theta"] = rope.pop("rope_theta")
    config["rope_scaling"] = None if rope["rope_type"] == "default" else rope
    if "dtype" in config:
        config["torch_dtype"] = config.pop("dtype")
    path.write_text(json.dumps(config, indent=2))


def make(folder, family, fields, seed):
    torch.manual_seed(seed)
    model_class = FAMILIES[family]
    model = model_class._from_config(model_class.config_class(**fields), attn_implementation="eager",
                                     experts_implementation="eager").eval().float()
    with torch.no_grad():  # norms and biases start as ones and zeros, which would hide mistakes
        for name, parameter in model.named_parameters():
            if parameter.dim() == 1:
                parameter.add_(torch.randn_like(parameter) * 0.2)
    model.save_pretrained(folder)
    return model


def reference(model, ids):
    with torch.no_grad():
        single = model(torch.tensor([ids])).logits[0].float()
        double = model.double()(torch.tensor([ids])).logits[0]
    return single, double


def program_logits(program, folder, ids, output):
    done = subprocess.run([program, "debug", "logits", str(folder), "--exact", "-o", str(output)],
                          input=json.dumps({"ids": ids}) + "\n", capture_output=True, text=True,
                          timeout=120, check=False)
    if done.returncode != 0:
        raise AssertionError(f"the program refused it: {done.stderr.strip()}")
    return load_file(output)["logits.0"]


def main():
    flags = argparse.ArgumentParser()
    flags.add_argument("--program", required=True)
    flags.add_argument("--models", type=int, default=40)
    flags.add_argument("--seed", type=int, default=1)
    flags = flags.parse_args()
    torch.set_num_threads(1)
    failed = 0
    worst = 0.0
    for number in range(flags.models):
        seed = flags.seed * 100_000 + number
        rng = random.Random(seed)
        family, fields = draw(rng)
        older = rng.random() < 0.5
        with tempfile.TemporaryDirectory() as scratch:
            folder = pathlib.Path(scratch) / "model"
            model = make(folder, family, fields, seed)
            if older:
                spell_as_before(folder)
            length = min(rng.choice([1, 7, 31, 33, 90]), context_length(fields))
            ids = [rng.randrange(fields["vocab_size"]) for _ in range(length)]
            single, double = reference(model, ids)
            allowed = max(ROUNDINGS * float((single - double).abs().max()),
                          FLOOR * float(double.abs().max()))
            try:
                got = program_logits(flags.program, folder, ids, pathlib.Path(scratch) / "out.safetensors")
                off = float((got.double() - double).abs().max())
                worst = max(worst, off / allowed)
                if not off <= allowed:
                    raise AssertionError(f"logits differ by {off:.3g}, allowed {allowed:.3g}")
            except AssertionError as error:
                failed += 1
                print(f"model {seed} ({family}, {len(ids)} tokens, {'older' if older else 'newer'} "
                      f"spelling): {error}\n  {fields}", file=sys.stderr)
    print(f"{flags.models - failed} of {flags.models} random models agree with transformers "
          f"{transformers.__version__}; the largest difference is {worst:.2f} of what is allowed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
