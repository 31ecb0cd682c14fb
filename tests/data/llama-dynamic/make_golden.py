#!/usr/bin/env python3
"""A tiny Llama with dynamic rotations and what transformers says of two prompts.

  make_golden.py        needs torch, transformers and safetensors; writes beside itself

short.safetensors holds a prompt within the trained context of 32, long.safetensors one of 60 tokens,
which is rotated by the base of its whole length.
"""
import pathlib

import torch
import transformers
from safetensors.torch import save_file

HERE = pathlib.Path(__file__).resolve().parent

torch.manual_seed(11)
config = transformers.LlamaConfig(
    vocab_size=160, hidden_size=48, intermediate_size=80, num_hidden_layers=2, num_attention_heads=4,
    num_key_value_heads=2, head_dim=12, max_position_embeddings=32, initializer_range=0.2,
    rope_parameters={"rope_type": "dynamic", "rope_theta": 10000.0, "factor": 2.0},
    tie_word_embeddings=False, bos_token_id=None, eos_token_id=None)
model = transformers.LlamaForCausalLM._from_config(config, attn_implementation="eager").eval().float()
model.save_pretrained(HERE)
(HERE / "generation_config.json").unlink()
for name, length in (("short", 30), ("long", 60)):
    ids = torch.randint(0, config.vocab_size, (length,))
    with torch.no_grad():
        logits = model(ids[None]).logits[0].float()
    save_file({"input_ids": ids, "logits": logits.contiguous()}, HERE / f"{name}.safetensors")
