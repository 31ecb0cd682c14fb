"""`model info|list|verify|test` and `bench`."""

import json
import pathlib
import shutil
import struct
import tempfile
import unittest

import program
from program import FIXTURES, WILLOWBROOK, clean_environment, run


class InfoTest(unittest.TestCase):
    def test_shapes_come_from_the_files(self):
        info = run("model", "info", FIXTURES / "qwen3-untied", "--tensors", "--json").json()
        config = json.loads((FIXTURES / "qwen3-untied" / "config.json").read_text())
        self.assertEqual(info["architecture"]["hidden_size"], config["hidden_size"])
        self.assertEqual(info["architecture"]["head_dim"], config["head_dim"])
        data = (FIXTURES / "qwen3-untied" / "model.safetensors").read_bytes()
        header = json.loads(data[8:8 + int.from_bytes(data[:8], "little")])
        header.pop("__metadata__", None)
        self.assertEqual({t["name"]: t["shape"] for t in info["tensors"]},
                         {name: entry["shape"] for name, entry in header.items()})
        total = 0
        for entry in header.values():
            count = 1
            for extent in entry["shape"]:
                count *= extent
            total += count
        self.assertEqual(info["parameters"], total)

    def test_gguf_and_a_bare_name(self):
        gguf = run("model", "info", FIXTURES / "gguf" / "qwen3-gguf" / "model-Q8_0.gguf",
                   "--json").json()
        self.assertEqual(gguf["format"], "gguf")
        self.assertIn("Q8_0", [t["type"] for t in gguf["types"]])
        named = run("show", "willowbrook", "--json").json()
        self.assertEqual(named["tokenizer"]["vocabulary"], 4096)
        self.assertEqual(named["tokenizer"]["chat_template"], "the model's own")

    def test_every_format_says_the_same(self):
        table = run("model", "info", "willowbrook").out
        yaml = run("model", "info", "willowbrook", "--format", "yaml").out
        self.assertIn("hidden_size", table)
        self.assertIn("  hidden_size: 256\n", yaml)
        try:
            import yaml as reader
        except ImportError:
            return
        self.assertEqual(reader.safe_load(yaml),
                         run("model", "info", "willowbrook", "--json").json())

    def test_a_folder_of_models_can_be_named(self):
        with tempfile.TemporaryDirectory() as folder:
            shutil.copy(FIXTURES / "gguf" / "qwen3-gguf" / "model-Q8_0.gguf", f"{folder}/tiny.gguf")
            env = clean_environment(HYPRSTREAM_MODELS=folder)
            names = [row["name"] for row in run("model", "list", "--json", env=env).json()]
            self.assertIn("tiny", names)
            self.assertIn("willowbrook", names)
            self.assertEqual(run("model", "info", "tiny", "--json", env=env).json()["name"], "tiny")


class VerifyTest(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)

    def copy(self, name):
        target = self.folder / name
        shutil.copytree(FIXTURES / name, target)
        return target

    def test_whole_models_pass(self):
        result = run("model", "verify", "willowbrook", FIXTURES / "qwen3-moe", "--json").json()
        self.assertEqual([model["result"] for model in result], ["ok", "ok"])

    def failed_check(self, path):
        result = run("model", "verify", path, "--json", status=1).json()
        self.assertEqual(result["result"], "failed")
        return result["checks"][-1]

    def test_a_truncated_file_is_found(self):
        target = self.copy("qwen3-untied")
        weights = target / "model.safetensors"
        weights.write_bytes(weights.read_bytes()[:-100])
        self.assertEqual(self.failed_check(target)["check"], "files")

    def test_a_number_that_is_none_is_found_and_named(self):
        target = self.copy("qwen3-untied")
        weights = target / "model.safetensors"
        data = bytearray(weights.read_bytes())
        length = int.from_bytes(data[:8], "little")
        entry = json.loads(data[8:8 + length])["model.norm.weight"]
        at = 8 + length + entry["data_offsets"][0] + 4
        data[at:at + 4] = struct.pack("<f", float("nan"))
        weights.write_bytes(data)
        check = self.failed_check(target)
        self.assertEqual(check["check"], "numbers")
        self.assertIn("model.norm.weight", check["detail"])

    def test_a_wrong_shape_is_found(self):
        target = self.copy("qwen3-untied")
        config = json.loads((target / "config.json").read_text())
        config["intermediate_size"] += 4
        (target / "config.json").write_text(json.dumps(config))
        self.assertEqual(self.failed_check(target)["check"], "shapes and loading")


class TestTest(unittest.TestCase):
    def test_tokens_and_timing(self):
        result = run("model", "test", "willowbrook", "--prompt", "One day", "--max-tokens", 4,
                     "--ignore-eos", "--json").json()
        self.assertEqual(len(result["tokens"]), 4)
        self.assertGreater(result["timing"]["load_seconds"], 0)
        self.assertGreater(result["timing"]["prefill_seconds"], 0)


class BenchTest(unittest.TestCase):
    def check(self, result):
        for key in ("median_seconds", "p95_seconds", "tokens_per_second", "gigabytes_per_second"):
            self.assertGreater(result[key], 0, key)
        self.assertGreaterEqual(result["p95_seconds"], result["median_seconds"])
        self.assertIn("processor", result["machine"])
        self.assertGreater(result["limits"]["read_gigabytes_per_second"], 0)

    def test_decode_of_a_model(self):
        result = run("bench", "decode", "--model", "willowbrook", "--streams", 2, "--tokens", 16,
                     "--repeat", 1, "--json").json()
        self.check(result)
        self.assertEqual(result["streams"], 2)
        expected = result["streams"] / result["median_seconds"]
        self.assertAlmostEqual(result["tokens_per_second"], expected, delta=1e-6 * expected)

    def test_decode_counts_only_steps_of_all_streams(self):
        # So many that the first would have ended before the last began.
        result = run("bench", "decode", "--model", "willowbrook", "--streams", 24, "--tokens", 4,
                     "--prompt-tokens", 40, "--repeat", 2, "--json").json()
        self.check(result)
        self.assertEqual(result["n"], 2 * 3)
        self.assertIn("--tokens", run("bench", "decode", "--model", "willowbrook", "--tokens", 1,
                                      status=2).err)

    def test_prefill_of_a_model(self):
        result = run("bench", "prefill", "--model", "willowbrook", "--prompt-tokens", 64,
                     "--repeat", 2, "--json").json()
        self.check(result)
        self.assertEqual(result["n"], 2)

    def test_decode_with_adapters_beside_decode_without(self):
        result = run("bench", "decode", "--model", "willowbrook", "--streams", 4, "--tokens", 16,
                     "--adapters", 3, "--repeat", 2, "--json").json()
        self.check(result)
        self.assertEqual(result["adapters"]["count"], 3)
        self.assertGreater(result["adapters"]["speed_ratio"], 0)
        self.assertEqual(result["n"], 2)

    def test_training_steps(self):
        result = run("bench", "train", "--model", "willowbrook", "--samples", 2, "--tokens", 32,
                     "--targets", 8, "--repeat", 2, "--json").json()
        self.check(result)
        self.assertEqual(result["new_tokens"], 16)
        self.assertGreater(result["share"]["of_arithmetic_limit"], 0)
        self.assertGreater(result["peak_resident_bytes"], 11 << 20)
        self.assertIn("--targets", run("bench", "train", "--model", "willowbrook",
                                       "--targets", 999, status=2).err)

    def test_a_server(self):
        result = run("bench", "serve", "--model", "willowbrook", "--streams", 3, "--tokens", 12,
                     "--prompt-tokens", 5, "--rounds", 2, "--json").json()
        self.assertEqual(result["streams"], 3)
        self.assertIn("processor", result["machine"])
        several = {"streams", "streams_with_adapters", "streams_while_training"}
        alone = {"one_stream", "one_stream_while_training"}
        self.assertEqual(set(result["loads"]), several | alone | {"streams_without_http"})
        for name, load in result["loads"].items():
            self.assertEqual(load["n"], 2, name)
            self.assertGreaterEqual(load["p95_seconds"], load["median_seconds"], name)
            self.assertGreater(load["tokens_per_second"], 0, name)
            if name != "streams_without_http":
                gaps = load["inter_token"]
                self.assertGreaterEqual(gaps["p95_seconds"], gaps["median_seconds"], name)
                # A token may be less than a character: then it comes with the next.
                most = 2 * 11 * (3 if name in several else 1)
                self.assertTrue(most / 2 <= gaps["n"] <= most, (name, gaps))
            self.assertEqual("train_share" in load, name.endswith("training"), name)
            if name.endswith("training"):
                self.assertTrue(0 <= load["train_share"] < 1, (name, load))
        ratios = result["ratios"]
        bars = {name: ratios[name] for name in ("streams_to_one", "adapters_to_none",
                                                "streams_to_one_without_prompts",
                                                "http_to_engine")}
        self.assertEqual(set(ratios), {*bars, "latency_training_to_idle"})
        bars |= ratios["latency_training_to_idle"]
        for name, ratio in bars.items():
            self.assertEqual(ratio["n"], 2, name)
            self.assertTrue(0 < ratio["least"] <= ratio["median"] <= ratio["p95"], (name, ratio))
            self.assertEqual(len({"at_least", "at_most"} & set(ratio)), 1, name)
        self.assertIn("--tokens", run("bench", "serve", "--model", "willowbrook", "--tokens", 2,
                                      status=2).err)

    def test_a_server_of_random_weights(self):
        table = run("bench", "serve", "--shape", "smollm2-135m", "--type", "q8_0", "--streams", 2,
                    "--tokens", 3, "--prompt-tokens", 2, "--rounds", 1).out
        for word in ("streams_to_one", "at_least", "latency_training_to_idle", "processor"):
            self.assertIn(word, table)

    def test_tokenizer(self):
        result = run("bench", "tokenizer", "--model", "willowbrook", "--file",
                     WILLOWBROOK / "README.md", "--json").json()
        self.assertEqual(result["decoded_bytes"], result["bytes"])
        self.assertGreater(result["tokens"], 100)

    def test_unknown_names_are_usage_errors_that_list_what_there_is(self):
        result = run("bench", "decode", "--shape", "gpt-9", status=2)
        self.assertIn("qwen3-0.6b", result.err)
        result = run("bench", "decode", "--shape", "qwen3-0.6b", "--type", "q9", status=2)
        self.assertIn("Q8_0", result.err)


if __name__ == "__main__":
    program.main()
