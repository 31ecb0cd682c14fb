"""`hyprstream debug …` against numbers of independent implementations."""

import gzip
import json
import pathlib
import shutil
import tempfile
import unittest

import program
from program import FIXTURES, WILLOWBROOK, Tensors, largest_difference, run

TOKENIZERS = FIXTURES / "tokenizer"
TEMPLATES = FIXTURES / "chat-templates"


def read_lines(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]


class Folder(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)
        self.output = self.folder / "out.safetensors"

    def logits(self, model, ids, *flags):
        run("debug", "logits", model, "--exact", "--output", self.output, *flags,
            lines=[{"ids": list(one)} for one in ids])
        return Tensors(self.output)


class TokenizeTest(Folder):
    def test_ids_equal_the_library(self):
        for name in ("gpt2-mini", "llama3-mini", "llama2-mini"):
            texts = read_lines(TOKENIZERS / "text.jsonl")
            rows = read_lines(TOKENIZERS / name / "ids.jsonl")
            by_index = {row["i"]: row for row in rows}
            results = run("debug", "tokenize", TOKENIZERS / name,
                          lines=[{"text": t["text"]} for t in texts]).lines()
            for text, result in zip(texts, results):
                self.assertEqual(result["ids"], by_index[text["i"]]["ids"], (name, text["i"]))

    def test_special_tokens_can_be_added_or_left_as_text(self):
        texts = read_lines(TOKENIZERS / "text.jsonl")
        rows = {row["i"]: row for row in read_lines(TOKENIZERS / "llama3-mini" / "ids.jsonl")}
        lines = [{"text": t["text"]} for t in texts]
        added = run("debug", "tokenize", TOKENIZERS / "llama3-mini", "--add-special",
                    lines=lines).lines()
        plain = run("debug", "tokenize", TOKENIZERS / "llama3-mini", "--no-parse-special",
                    lines=lines).lines()
        for text, with_bos, as_text in zip(texts, added, plain):
            row = rows[text["i"]]
            self.assertEqual(with_bos["ids"], row.get("ids_bos", row["ids"]))
            self.assertEqual(as_text["ids"], row.get("ids_text", row["ids"]))

    def test_a_vocabulary_in_gguf_gives_the_same_ids(self):
        texts = read_lines(TOKENIZERS / "text.jsonl")[:200]
        lines = [{"text": t["text"]} for t in texts]
        for name in ("gpt2-mini", "llama3-mini"):
            folder = run("debug", "tokenize", TOKENIZERS / name, lines=lines)
            gguf = run("debug", "tokenize", TOKENIZERS / name / "vocab.gguf", lines=lines)
            self.assertEqual(folder.out, gguf.out)

    def test_pieces_are_what_a_stream_shows(self):
        rows = read_lines(TOKENIZERS / "gpt2-mini" / "stream.jsonl")
        results = run("debug", "detokenize", TOKENIZERS / "gpt2-mini",
                      lines=[{"ids": row["ids"]} for row in rows]).lines()
        for row, result in zip(rows, results):
            expected = list(row["delta"])
            if expected:
                expected[-1] += row.get("flush", "")
            self.assertEqual(result["pieces"], expected)
            self.assertEqual(result["text"], "".join(result["pieces"]))

    def test_one_bad_line_does_not_spoil_the_others(self):
        result = run("debug", "tokenize", WILLOWBROOK, status=1,
                     text='{"text": "a"}\nnot json\n{"txt": 1}\n{"text": "b"}\n')
        lines = result.lines()
        self.assertEqual(len(lines), 4)
        self.assertIn("ids", lines[0])
        self.assertIn("line 2", lines[1]["error"]["where"])
        self.assertIn("error", lines[2])
        self.assertIn("ids", lines[3])


class TemplateTest(Folder):
    def cases(self, names):
        return [c for c in read_lines(TEMPLATES / "cases.jsonl") if c["template"] in names]

    def test_text_equals_the_reference(self):
        names = sorted({c["template"] for c in read_lines(TEMPLATES / "cases.jsonl")})
        for name in names:
            if not (TEMPLATES / name).exists():
                continue
            cases = self.cases([name])
            lines = []
            for case in cases:
                line = {k: case[k] for k in ("messages", "tools", "add_generation_prompt",
                                             "continue_final_message", "kwargs") if k in case}
                line["now"] = case.get("now", "2025-03-09T14:05:06").replace(" ", "T")
                lines.append(line)
            results = run("debug", "template", TEMPLATES / name, lines=lines, status=None).lines()
            self.assertEqual(len(results), len(cases))
            for case, result in zip(cases, results):
                self.compare(case, result)

    def compare(self, case, result):
        hostile = case["id"].startswith("hostile/")
        error = result.get("error", {})
        if "text" in case["expect"]:
            # What is too big or too exotic may be refused, but not rendered wrongly.
            if hostile and error.get("kind") in ("limit", "syntax"):
                return
            self.assertEqual(result.get("text"), case["expect"]["text"], (case["id"], result))
            return
        expected = case["expect"]["error"]
        self.assertIn("kind", error, (case["id"], result))
        if not hostile:
            self.assertEqual(error["kind"], expected["kind"], (case["id"], result))
        if expected["kind"] == "raised":
            self.assertIn(expected["message"], error["message"], case["id"])

    def test_a_model_folder_has_its_own_template(self):
        result = run("debug", "template", "willowbrook",
                     lines=[{"messages": [{"role": "user", "content": "Hi"}]}]).lines()[0]
        self.assertEqual(result["text"],
                         "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n")

    def test_the_date_is_at_midnight(self):
        template = self.folder / "clock.jinja"
        template.write_text("{{ strftime_now('%Y-%m-%d %H:%M:%S') }}")
        results = run("debug", "template", template,
                      lines=[{"messages": [], "date": "2024-02-29"},
                             {"messages": [], "now": "2024-02-29T12:34:56"}]).lines()
        self.assertEqual(results[0]["text"], "2024-02-29 00:00:00")
        self.assertEqual(results[1]["text"], "2024-02-29 12:34:56")

    def test_big_integers_keep_their_digits(self):
        template = self.folder / "big.jinja"
        template.write_text("{{ messages[0].n }}")
        result = run("debug", "template", template,
                     text='{"messages": [{"n": 123456789012345678901234567890}]}\n').lines()[0]
        self.assertEqual(result["text"], "123456789012345678901234567890")


class LogitsTest(Folder):
    MODELS = ("qwen3-untied", "qwen3-tied/bf16", "qwen3-tied/sharded", "qwen2-bias",
              "llama-llama3rope", "llama-linear", "qwen3-yarn", "mistral-sliding", "qwen3-moe")

    def test_logits_equal_the_reference(self):
        for name in self.MODELS:
            folder = FIXTURES / name
            expected = Tensors((folder if (folder / "expected.safetensors").exists()
                                else folder.parent) / "expected.safetensors")
            got = self.logits(folder, [expected["input_ids"][1]])
            self.assertEqual(got["logits.0"][0], expected["logits"][0], name)
            difference = largest_difference(got["logits.0"][1], expected["logits"][1])
            self.assertLess(difference, 1e-4, name)
            want = expected["logprob_sum"][1][0]
            self.assertLess(abs(got["logprob.0"][1][0] - want), 1e-3 + 1e-5 * abs(want), name)

    def test_gguf_logits_equal_the_reference(self):
        folder = FIXTURES / "gguf" / "qwen3-gguf"
        for kind in ("F32", "Q8_0", "Q4_0", "Q5_1"):
            name = "expected.safetensors" if kind == "F32" else f"expected-{kind}.safetensors"
            expected = Tensors(folder / name)
            got = self.logits(folder / f"model-{kind}.gguf", [expected["input_ids"][1]])
            self.assertLess(largest_difference(got["logits.0"][1], expected["logits"][1]), 1e-4,
                            kind)

    def test_the_step_changes_no_bit(self):
        ids = Tensors(FIXTURES / "qwen3-untied" / "expected.safetensors")["input_ids"][1]
        whole = self.logits(FIXTURES / "qwen3-untied", [ids])
        for step in (1, 3, 16):
            stepped = self.logits(FIXTURES / "qwen3-untied", [ids], "--step", step)
            self.assertEqual(stepped["logits.0"], whole["logits.0"], step)
        one = self.logits(FIXTURES / "qwen3-untied", [ids], "--threads", 1)
        self.assertEqual(one["logits.0"], whole["logits.0"])

    def test_the_batch_changes_no_bit(self):
        expected = Tensors(FIXTURES / "batch" / "expected.safetensors")
        count = sum(name.endswith("input_ids") for name in expected)
        prompts = [expected[f"prompt.{i}.input_ids"][1] for i in range(count)]
        together = self.logits(FIXTURES / "qwen3-untied", prompts)
        for i, prompt in enumerate(prompts):
            alone = self.logits(FIXTURES / "qwen3-untied", [prompt])
            self.assertEqual(alone["logits.0"], together[f"logits.{i}"])
            self.assertLess(largest_difference(together[f"logits.{i}"][1],
                                               expected[f"prompt.{i}.logits"][1]), 1e-4)

    def test_last_keeps_the_end(self):
        ids = Tensors(FIXTURES / "qwen3-untied" / "expected.safetensors")["input_ids"][1]
        whole = self.logits(FIXTURES / "qwen3-untied", [ids])["logits.0"]
        last = self.logits(FIXTURES / "qwen3-untied", [ids], "--last", 2)["logits.0"]
        self.assertEqual(last[0], [2, whole[0][1]])
        self.assertEqual(last[1], whole[1][-2 * whole[0][1]:])

    def test_adapters_equal_the_reference(self):
        for name in ("a-all-seven", "b-rslora", "c-patterns", "d-layers"):
            folder = FIXTURES / "peft" / name
            expected = Tensors(folder / "expected.safetensors")
            got = self.logits(FIXTURES / "qwen3-untied", [expected["input_ids"][1]],
                              "--adapter", folder)
            self.assertLess(largest_difference(got["logits.0"][1], expected["logits"][1]), 1e-4,
                            name)

    def test_adapters_can_be_mixed(self):
        peft = FIXTURES / "peft"
        expected = Tensors(peft / "mix-0.7a-0.3b.safetensors")
        got = self.logits(FIXTURES / "qwen3-untied", [expected["input_ids"][1]],
                          "--adapter", f"{peft / 'a-all-seven'}:0.7",
                          "--adapter", f"{peft / 'b-rslora'}:0.3")
        self.assertLess(largest_difference(got["logits.0"][1], expected["logits"][1]), 1e-4)

    def test_adapters_that_need_more_are_refused_by_name(self):
        for name, feature in (("e-dora", "dora"), ("f-modules-to-save", "modules_to_save")):
            result = run("debug", "logits", FIXTURES / "qwen3-untied", "--output", self.output,
                         "--adapter", FIXTURES / "peft" / name, lines=[{"ids": [1]}], status=1)
            self.assertIn(feature, result.err.lower())

    def test_ids_beyond_the_vocabulary_are_an_error_of_their_line(self):
        result = run("debug", "logits", FIXTURES / "qwen3-untied", "--output", self.output,
                     lines=[{"ids": [1, 2]}, {"ids": [99999]}, {"ids": []}], status=1)
        kinds = ["error" in line for line in result.lines()]
        self.assertEqual(kinds, [False, True, True])
        self.assertIn("logits.0", Tensors(self.output))


class HiddenTest(Folder):
    def test_activations_equal_the_reference(self):
        expected = Tensors(FIXTURES / "qwen3-untied" / "intermediates.safetensors")
        run("debug", "hidden", FIXTURES / "qwen3-untied", "--exact", "--output", self.output,
            lines=[{"ids": list(expected["input_ids"][1])}])
        got = Tensors(self.output)
        layers = sum(name.endswith(".out") for name in expected)
        pairs = [("embedding", "embed"), ("final_norm", "final_norm")]
        pairs += [(f"layer.{i}", f"layer.{i}.out") for i in range(layers)]
        self.assertEqual(sorted(got), sorted(ours for ours, _ in pairs))
        for ours, theirs in pairs:
            self.assertLess(largest_difference(got[ours][1], expected[theirs][1]), 1e-4, ours)


class GenerateTest(Folder):
    def test_greedy_ids_equal_the_reference(self):
        for name in ("qwen3-untied", "qwen2-bias", "mistral-sliding", "qwen3-moe"):
            expected = Tensors(FIXTURES / name / "expected.safetensors")
            greedy = list(expected["greedy_ids"][1])
            result = run("debug", "generate", FIXTURES / name, "--exact", "--ignore-eos",
                         "--max-tokens", len(greedy),
                         lines=[{"ids": list(expected["input_ids"][1])}]).lines()[0]
            self.assertEqual(result["ids"], greedy, name)
            self.assertEqual(result["finish_reason"], "length")

    def test_the_bundled_model_says_what_it_said_elsewhere(self):
        rows = read_lines(FIXTURES / "willowbrook" / "expected.jsonl")
        results = run("debug", "generate", "willowbrook", "--exact", "--max-tokens", 64,
                      lines=[{"prompt": row["prompt"]} for row in rows]).lines()
        for row, result in zip(rows, results):
            self.assertTrue(result["text"].startswith(row["greedy_text"])
                            or row["greedy_text"].startswith(result["text"]),
                            (row["greedy_text"], result["text"]))

    def test_the_context_bounds_a_line(self):
        done = run("debug", "generate", FIXTURES / "qwen3-untied", "--context", 16, "-n", 30,
                   lines=[{"ids": [1] * 8}, {"ids": [1] * 20}], status=1)
        short, long = done.lines()
        self.assertLessEqual(len(short["ids"]), 8)
        self.assertIn("16", json.dumps(long["error"]))

    def test_messages_and_their_rendering_are_the_same_prompt(self):
        message = {"role": "user", "content": "Who is Rosa's best friend?"}
        prompt = f"<|im_start|>user\n{message['content']}<|im_end|>\n<|im_start|>assistant\n"
        first, second = run("debug", "generate", "willowbrook", "--exact",
                            lines=[{"messages": [message]}, {"prompt": prompt}]).lines()
        self.assertEqual(first, second)
        self.assertEqual(first["finish_reason"], "stop")


class TensorsTest(Folder):
    def test_every_format_is_listed(self):
        for path, count in ((FIXTURES / "qwen3-untied" / "model.safetensors", None),
                            (FIXTURES / "gguf" / "qwen3-gguf" / "model-Q8_0.gguf", None),
                            (FIXTURES / "pytorch" / "good_dict.pt", None)):
            rows = run("debug", "tensors", path).lines()
            self.assertTrue(rows)
            for row in rows:
                self.assertEqual(sorted(row), ["dtype", "name", "sha256", "shape"])
                self.assertEqual(len(row["sha256"]), 64)

    def test_hashes_are_of_the_stored_bytes(self):
        import hashlib
        path = FIXTURES / "qwen3-untied" / "model.safetensors"
        data = path.read_bytes()
        length = int.from_bytes(data[:8], "little")
        header = json.loads(data[8:8 + length])
        for row in run("debug", "tensors", path).lines():
            begin, end = header[row["name"]]["data_offsets"]
            stored = data[8 + length + begin:8 + length + end]
            self.assertEqual(row["sha256"], hashlib.sha256(stored).hexdigest())

    def test_output_is_widened(self):
        run("debug", "tensors", FIXTURES / "qwen3-tied" / "bf16" / "model.safetensors",
            "--output", self.output)
        wide = Tensors(self.output)
        same = Tensors(FIXTURES / "qwen3-tied" / "f32" / "model.safetensors")
        self.assertEqual(sorted(wide), sorted(same))
        for name in same:
            self.assertEqual(wide[name], same[name])

    def test_hostile_files_are_refused(self):
        for path in sorted((FIXTURES / "pytorch").glob("evil_*.pt")):
            result = run("debug", "tensors", path, status=1)
            self.assertTrue(result.err.startswith("error:"), result.err)


class SampleTest(Folder):
    def write_logits(self, values):
        import struct
        header = json.dumps({"logits": {"dtype": "F32", "shape": [1, len(values)],
                                        "data_offsets": [0, 4 * len(values)]}}).encode()
        header += b" " * (-len(header) % 8)
        path = self.folder / "logits.safetensors"
        path.write_bytes(struct.pack("<Q", len(header)) + header +
                         struct.pack(f"<{len(values)}f", *values))
        return path

    def test_draws_follow_the_distribution(self):
        import math
        values = [0.0, 1.0, 2.0, -1.0, 0.5]
        draws = 20000
        result = run("debug", "sample", "--logits", self.write_logits(values), "--draws", draws,
                     "--seed", 5).json()
        total = sum(math.exp(v) for v in values)
        chi = sum((result["counts"].get(str(i), 0) - draws * math.exp(v) / total) ** 2
                  / (draws * math.exp(v) / total) for i, v in enumerate(values))
        self.assertLess(chi, 23.5)  # 4 degrees of freedom, p = 1e-4
        self.assertEqual(sum(result["counts"].values()), draws)

    def test_temperature_zero_is_the_largest(self):
        result = run("debug", "sample", "--logits", self.write_logits([0.0, 3.0, 1.0]),
                     "--draws", 50, "--temperature", 0).json()
        self.assertEqual(result["counts"], {"1": 50})


if __name__ == "__main__":
    program.main()
