"""Runs the program under test and reads what it writes. Standard library only."""

import array
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
FIXTURES = pathlib.Path(os.environ.get("HYPR_FIXTURES", ROOT / "tests" / "data" / "fixtures"))
WILLOWBROOK = ROOT / "models" / "willowbrook"
PROGRAM = ""


def clean_environment(**extra):
    kept = {k: v for k, v in os.environ.items() if not k.startswith("HYPRSTREAM_")}
    kept["XDG_CONFIG_HOME"] = tempfile.gettempdir() + "/no-such-configuration"
    kept.update(extra)
    return kept


class Result:
    def __init__(self, done):
        self.status = done.returncode
        self.out = done.stdout
        self.err = done.stderr

    def json(self):
        return json.loads(self.out)

    def lines(self):
        return [json.loads(line) for line in self.out.splitlines()]


def run(*arguments, text=None, lines=None, env=None, status=0):
    """Runs the program; a status of None accepts any."""
    if lines is not None:
        text = "".join(json.dumps(line) + "\n" for line in lines)
    done = subprocess.run([PROGRAM, *map(str, arguments)], input=text if text is not None else "",
                          capture_output=True, text=True, encoding="utf-8",
                          env=env or clean_environment(), cwd=ROOT, timeout=300)
    if status is not None and done.returncode != status:
        raise AssertionError(f"{arguments} ended with {done.returncode}, not {status}:\n"
                             f"{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
    return Result(done)


class Tensors(dict):
    """Name -> (shape, flat values) of a safetensors file."""

    CODES = {"F32": "f", "I64": "q", "F64": "d", "I32": "i"}

    def __init__(self, path):
        super().__init__()
        data = pathlib.Path(path).read_bytes()
        length = int.from_bytes(data[:8], "little")
        for name, entry in json.loads(data[8:8 + length]).items():
            if name == "__metadata__" or entry["dtype"] not in self.CODES:
                continue
            begin, end = entry["data_offsets"]
            values = array.array(self.CODES[entry["dtype"]])
            values.frombytes(data[8 + length + begin:8 + length + end])
            self[name] = (entry["shape"], values)


def largest_difference(a, b):
    if len(a) != len(b):
        raise AssertionError(f"{len(a)} values against {len(b)}")
    return max(abs(x - y) for x, y in zip(a, b))


def main():
    global PROGRAM
    at = sys.argv.index("--program")
    sys.modules["program"].PROGRAM = sys.argv[at + 1]
    PROGRAM = sys.argv[at + 1]
    del sys.argv[at:at + 2]
    unittest.main()
