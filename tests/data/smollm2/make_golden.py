#!/usr/bin/env python3
"""Makes the golden files: greedy continuations of fixed prompts, as llama.cpp computes them.

    make_golden.py --binary PATH/llama-server --model SmolLM2-135M-Instruct.Q4_1.gguf
    make_golden.py --binary PATH/llama-server --model smollm2-f32.gguf --exact \\
                   --output golden-f32.jsonl
    make_golden.py --server http://127.0.0.1:8080

With --binary the script starts llama-server itself, with the settings in SERVER_FLAGS (and, with
--exact, EXACT_FLAGS), and stops it at the end. With --server it asks one that runs already; start
that one with the same settings. Only the standard library is used.
"""

import argparse
import json
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

STEPS = 64
TOP = 5
NEAR_TIE = 0.3  # nats

# One slot, so that nothing else shares a batch.
SERVER_FLAGS = ["--jinja", "--parallel", "1", "--ctx-size", "4096", "--threads", "2"]
# Nothing rounded to 16 bits on the way. (With flash attention llama.cpp casts keys and values to
# f16 whatever the type of the cache.)
EXACT_FLAGS = ["--cache-type-k", "f32", "--cache-type-v", "f32", "--flash-attn", "off"]


def user(text):
    return {"role": "user", "content": text}


def assistant(text):
    return {"role": "assistant", "content": text}


def system(text):
    return {"role": "system", "content": text}


LIGHTHOUSE = (
    "The lighthouse keeper wrote down the weather every evening. On day {day} the wind came from "
    "the {wind}, the sea was {sea}, and {count} ships passed the point before dark. "
)


def long_report():
    winds = ["north", "east", "south", "west"]
    seas = ["calm", "choppy", "rough"]
    days = [
        LIGHTHOUSE.format(day=day, wind=winds[day % 4], sea=seas[day % 3], count=day * 7 % 11)
        for day in range(1, 21)
    ]
    return "".join(days).rstrip()


# (id, messages or text). A text is a raw prompt: no template, nothing added.
CASES = [
    # Chat, no system message: the template adds its own.
    ("chat-capital", [user("What is the capital of France?")]),
    ("chat-sky", [user("Why is the sky blue? Answer in two sentences.")]),
    ("chat-list", [user("List five fruits, one per line.")]),
    ("chat-poem", [user("Write a short poem about the sea in winter.")]),
    ("chat-arithmetic", [user("What is 17 + 25? Show the steps.")]),
    ("chat-hello", [user("hi")]),
    # Chat with a system message.
    (
        "system-pirate",
        [system("You are a pirate. Speak like one."), user("How do I boil an egg?")],
    ),
    (
        "system-short",
        [system("Answer with a single word."), user("Which planet is the largest?")],
    ),
    ("system-empty", [system(""), user("Name the primary colours.")]),
    (
        "system-translate",
        [
            system("You translate English into French."),
            user("Good morning, my friend. Where is the station?"),
        ],
    ),
    # Several turns.
    (
        "turns-memory",
        [
            user("My name is Ada and I like chess."),
            assistant("Nice to meet you, Ada! Chess is a wonderful game."),
            user("What is my name, and what do I like?"),
        ],
    ),
    (
        "turns-system",
        [
            system("You are a helpful cook."),
            user("I have eggs, flour and milk."),
            assistant("You could make pancakes."),
            user("And if I also have cheese?"),
            assistant("Then an omelette or savoury pancakes would work."),
            user("Give me the recipe for the pancakes."),
        ],
    ),
    # Code.
    ("chat-code-python", [user("Write a Python function that reverses a string.")]),
    (
        "chat-code-fix",
        [
            user(
                "What is wrong with this code?\n\n```c\nint sum(int *a, int n) {\n"
                "    int s;\n    for (int i = 0; i <= n; i++)\n        s += a[i];\n"
                "    return s;\n}\n```"
            )
        ],
    ),
    ("raw-code-python", "def fibonacci(n):\n    "),
    (
        "raw-code-cpp",
        "#include <iostream>\n\nint main() {\n    for (int i = 0; i < 10; ++i) {\n",
    ),
    ("raw-json", '{"name": "Alice", "age": 30, "tags": ["a", "b"], "address": {'),
    # Unicode and other languages.
    ("chat-emoji", [user("What do these emoji mean? \U0001f680\U0001f389\U0001f44d\U0001f3fd ❤️")]),
    (
        "chat-emoji-answer",
        [
            system("Repeat what the user says, exactly."),
            user("\U0001f600\U0001f601\U0001f602\U0001f923\U0001f603\U0001f604\U0001f605"),
        ],
    ),
    ("chat-german", [user("Was ist die Hauptstadt von Österreich? Antworte auf Deutsch.")]),
    ("chat-spanish", [user("¿Cuál es el océano más grande del mundo?")]),
    ("chat-chinese", [user("你好，请介绍一下北京。")]),
    ("raw-russian", "Жили-были дед да баба, и была у них"),
    ("raw-japanese", "むかしむかし、あるところに、おじいさんと"),
    ("raw-arabic", "السلام عليكم ورحمة الله"),
    ("raw-combining", "Cafe\u0301 na\u00efve \ufb01ancé\u200b \u2013 \u201cquoted\u201d \u2026 x\u0308y"),
    # Plain text.
    ("raw-once", "Once upon a time, in a small village by the river,"),
    ("raw-gravity", "Gravity is the force that"),
    ("raw-the", "The"),
    ("raw-repeat", "one two three one two three one two three one two"),
    # White space and numbers.
    ("raw-spaces", "a  b   c    d     e      f"),
    ("raw-newlines", "Title\n\n\n\tIndented\r\n  - item one\n  - item two\n  - "),
    ("raw-trailing-space", "The quick brown fox jumps over the lazy "),
    ("raw-numbers", "1, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89,"),
    ("raw-digits", "3.14159265358979 and 2.718281828459045 and 1234567890 and -42e+10 ="),
    # Special tokens written out in the text.
    (
        "raw-special",
        "<|im_start|>system\nYou count.<|im_end|>\n<|im_start|>user\nCount to five."
        "<|im_end|>\n<|im_start|>assistant\n",
    ),
    # Long enough for several blocks of keys and values.
    ("chat-long", [user(long_report() + "\n\nWhat did the keeper write down?")]),
    ("raw-long", long_report()),
]

# Every sampler off. "temperature" with 0 keeps the most likely token only.
SAMPLING = {
    "samplers": ["temperature"],
    "temperature": 0.0,
    "top_k": 0,
    "top_p": 1.0,
    "min_p": 0.0,
    "typical_p": 1.0,
    "top_n_sigma": -1.0,
    "xtc_probability": 0.0,
    "repeat_penalty": 1.0,
    "repeat_last_n": 0,
    "presence_penalty": 0.0,
    "frequency_penalty": 0.0,
    "dry_multiplier": 0.0,
    "mirostat": 0,
    "seed": 1,
}


class Server:
    def __init__(self, url):
        self.url = url.rstrip("/")

    def get(self, path):
        with urllib.request.urlopen(self.url + path, timeout=60) as response:
            return json.load(response)

    def post(self, path, body):
        request = urllib.request.Request(
            self.url + path,
            data=json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=600) as response:
            return json.load(response)

    def render(self, messages):
        body = {"messages": messages, "add_generation_prompt": True}
        return self.post("/apply-template", body)["prompt"]

    def tokenize(self, text):
        body = {"content": text, "add_special": False, "parse_special": True}
        return self.post("/tokenize", body)["tokens"]

    def complete(self, ids, steps, **more):
        body = {
            "prompt": ids,
            "n_predict": steps,
            "n_probs": TOP,
            "post_sampling_probs": False,
            "return_tokens": True,
            "cache_prompt": False,
            "stream": False,
            **SAMPLING,
            **more,
        }
        return self.post("/completion", body)


def top_of(entry):
    return [[candidate["id"], round(candidate["logprob"], 5)] for candidate in entry["top_logprobs"]]


def candidates_after(server, ids, letter):
    """The best candidates for the token after ids, whatever that token is.

    The probabilities are those before the sampler, so forcing the sampler to take a letter does
    not change them.
    """
    answer = server.complete(ids, 1, logit_bias=[[letter, 1e6]])
    if answer["tokens"] != [letter]:
        raise SystemExit(f"the forced token was not taken: {answer['tokens']}")
    return top_of(answer["completion_probabilities"][0])


def ends_inside_character(server, tokens):
    text = server.post("/detokenize", {"tokens": tokens})["content"]
    return text.endswith("\ufffd")


def reported_steps(server, tokens, entries):
    """Which tokens the entries belong to: the server has none for a token whose text ends
    inside a character."""
    if len(entries) == len(tokens):
        return list(range(len(tokens)))
    ends = range(1, len(tokens) + 1)
    return [end - 1 for end in ends if not ends_inside_character(server, tokens[:end])]


def make_steps(server, ids, letter):
    answer = server.complete(ids, STEPS)
    tokens = answer["tokens"]
    entries = answer["completion_probabilities"]
    reported = reported_steps(server, tokens, entries)
    if [tokens[index] for index in reported] != [entry["id"] for entry in entries]:
        raise SystemExit("the server's probabilities do not fit its tokens")
    tops = {index: top_of(entry) for index, entry in zip(reported, entries)}
    steps = []
    for index, token in enumerate(tokens):
        if index in tops:
            steps.append({"id": token, "top": tops[index]})
        else:
            top = candidates_after(server, ids + tokens[:index], letter)
            steps.append({"id": token, "top": top, "alone": True})
    finish = "eos" if answer["stop_type"] == "eos" else "length"
    return steps, finish, answer["content"]


def make_case(server, name, case, letter):
    raw = isinstance(case, str)
    rendered = case if raw else server.render(case)
    ids = server.tokenize(rendered)
    steps, finish, text = make_steps(server, ids, letter)
    for index, step in enumerate(steps):
        # A step asked for alone was computed as part of a prompt, in other kernels.
        slack = NEAR_TIE if "alone" in step else 0.0
        if dict(step["top"]).get(step["id"], -1e9) < step["top"][0][1] - slack:
            raise SystemExit(f"{name}: step {index} is not greedy: {step}")
    result = {"id": name}
    if raw:
        result["prompt"] = case
    else:
        result["messages"] = case
    result.update(rendered=rendered, prompt_ids=ids, steps=steps, finish=finish, text=text)
    return result


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until_ready(server, process):
    for _ in range(600):
        if process.poll() is not None:
            raise SystemExit(f"the server ended with status {process.returncode}")
        try:
            if server.get("/health").get("status") == "ok":
                return
        except (urllib.error.URLError, ConnectionError):
            pass
        time.sleep(0.2)
    raise SystemExit("the server did not become ready")


def make_all(server, path):
    letter = server.tokenize("a")
    if len(letter) != 1:
        raise SystemExit("the letter a is not one token")
    lines = []
    for name, case in CASES:
        result = make_case(server, name, case, letter[0])
        lines.append(json.dumps(result, ensure_ascii=True, separators=(",", ":")))
        print(f"{name}: {len(result['prompt_ids'])} + {len(result['steps'])}", file=sys.stderr)
    path.write_text("\n".join(lines) + "\n", encoding="ascii")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--server", help="address of a llama-server that runs")
    where.add_argument("--binary", type=Path, help="llama-server to start")
    parser.add_argument("--model", type=Path, help="the GGUF file; needed with --binary")
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "golden.jsonl")
    parser.add_argument("--exact", action="store_true", help="attention in f32")
    parser.add_argument("extra", nargs="*", help="more flags for the server, after --")
    arguments = parser.parse_args()
    if arguments.server:
        make_all(Server(arguments.server), arguments.output)
        return
    if not arguments.model:
        parser.error("--binary needs --model")
    port = free_port()
    command = [str(arguments.binary), "--model", str(arguments.model), *SERVER_FLAGS]
    command += ["--host", "127.0.0.1", "--port", str(port)]
    command += [*(EXACT_FLAGS if arguments.exact else []), *arguments.extra]
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, stdout=quiet, stderr=quiet) as process:
        try:
            server = Server(f"http://127.0.0.1:{port}")
            wait_until_ready(server, process)
            make_all(server, arguments.output)
        finally:
            process.terminate()


if __name__ == "__main__":
    main()
