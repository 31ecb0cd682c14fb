#!/usr/bin/env python3
"""Squared errors of ggml's own quantisers on willowbrook's matrices, for quantize_test.cc.

  make_golden.py LIBGGML_BASE > willowbrook.json

LIBGGML_BASE is libggml-base.so of a llama.cpp build; its ggml_quantize_chunk is what llama-quantize
calls. Without importance data, as llama-quantize works by default. Decoded with the Python package
gguf, whose quantiser's errors are noted beside it for the types it has. Needs numpy and gguf.
"""

import ctypes
import json
import pathlib
import sys

import gguf
import numpy

ROOT = pathlib.Path(__file__).resolve().parents[3]
TYPES = ["Q8_0", "Q4_0", "Q5_0", "Q5_1", "Q4_K", "Q5_K", "Q6_K"]
PYTHON = {"Q8_0", "Q4_0", "Q5_0", "Q5_1"}


def willowbrook():
    data = (ROOT / "models/willowbrook/model.safetensors").read_bytes()
    length = int.from_bytes(data[:8], "little")
    for name, entry in sorted(json.loads(data[8:8 + length]).items()):
        if name == "__metadata__" or len(entry["shape"]) != 2:
            continue
        begin, end = (8 + length + at for at in entry["data_offsets"])
        bits = numpy.frombuffer(data[begin:end], numpy.uint16).astype(numpy.uint32) << 16
        yield name, bits.view(numpy.float32).reshape(entry["shape"])


def mean_squared(weights, decoded):
    return float(numpy.mean((weights.astype(numpy.float64) - decoded) ** 2))


def main():
    quantize = ctypes.CDLL(sys.argv[1]).ggml_quantize_chunk
    quantize.restype = ctypes.c_size_t
    quantize.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64,
                         ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p]
    errors = {}
    for name, weights in willowbrook():
        errors[name] = {"mean_square": mean_squared(weights, 0)}
        for type_name in TYPES:
            kind = gguf.GGMLQuantizationType[type_name]
            block, size = gguf.GGML_QUANT_SIZES[kind]
            rows, cols = weights.shape
            out = numpy.zeros((rows, cols // block * size), numpy.uint8)
            source = numpy.ascontiguousarray(weights)
            written = quantize(kind.value, source.ctypes.data, out.ctypes.data, 0, rows, cols, None)
            assert written == out.nbytes
            errors[name][type_name] = mean_squared(weights, gguf.quants.dequantize(out, kind))
            if type_name in PYTHON:
                again = gguf.quants.quantize(source, kind)
                errors[name]["gguf." + type_name] = mean_squared(
                    weights, gguf.quants.dequantize(again, kind))
    json.dump(errors, sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
