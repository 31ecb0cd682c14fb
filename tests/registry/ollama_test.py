"""Models of Ollama: from a registry, and from the store of a local Ollama, read in place."""

import array
import json
import os
import pathlib
import random
import shutil
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "cli"))

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "server"))

import program
import server
from mock_ollama import MockOllama, digest, make_key, manifest_of, write_store
from program import FIXTURES, WILLOWBROOK, run

TINY = (FIXTURES / "gguf" / "qwen3-gguf" / "model-Q8_0.gguf")
GO_TEMPLATE = (b"{{- range .Messages }}<|im_start|>{{ .Role }}\n{{ .Content }}<|im_end|>\n{{ end }}"
               b"<|im_start|>assistant\n")


def write_peft(folder, rank=4, seed=3):
    """A LoRA over willowbrook's q_proj that is strong enough to be seen."""
    config = json.loads((WILLOWBROOK / "config.json").read_text())
    hidden, out = config["hidden_size"], config["num_attention_heads"] * config["head_dim"]
    layers = config["num_hidden_layers"]
    noise, header, data = random.Random(seed), {}, b""
    for layer in range(layers):
        for part, shape in (("A", [rank, hidden]), ("B", [out, rank])):
            values = array.array("f", (noise.gauss(0, 0.6) for _ in range(shape[0] * shape[1])))
            name = f"base_model.model.model.layers.{layer}.self_attn.q_proj.lora_{part}.weight"
            header[name] = {"dtype": "F32", "shape": shape,
                            "data_offsets": [len(data), len(data) + 4 * len(values)]}
            data += values.tobytes()
    text = json.dumps(header).encode()
    folder.mkdir()
    (folder / "adapter_model.safetensors").write_bytes(len(text).to_bytes(8, "little") + text + data)
    (folder / "adapter_config.json").write_text(json.dumps(
        {"peft_type": "LORA", "r": rank, "lora_alpha": 8, "target_modules": ["q_proj"],
         "layers_to_transform": list(range(layers)), "base_model_name_or_path": "willowbrook"}))


class OllamaCase(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.shared = pathlib.Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        run("model", "convert", WILLOWBROOK, cls.shared / "tale.gguf")
        bare = cls.shared / "bare"
        shutil.copytree(WILLOWBROOK, bare, ignore=shutil.ignore_patterns("making"))
        config = json.loads((bare / "tokenizer_config.json").read_text())
        del config["chat_template"]
        (bare / "tokenizer_config.json").write_text(json.dumps(config))
        run("model", "convert", bare, cls.shared / "bare.gguf")
        cls.tale = (cls.shared / "tale.gguf").read_bytes()
        cls.bare = (cls.shared / "bare.gguf").read_bytes()
        cls.tiny = TINY.read_bytes()

    def setUp(self):
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.ollama = self.folder / "ollama"
        kept = {k: v for k, v in os.environ.items()
                if not k.startswith(("HYPRSTREAM_", "HF_", "HUGGING", "TRANSFORMERS", "OLLAMA_"))
                and not k.lower().endswith("_proxy")}
        self.env = kept | {"HOME": str(self.folder), "XDG_DATA_HOME": str(self.folder / "data"),
                           "XDG_CACHE_HOME": str(self.folder / "cache"),
                           "XDG_CONFIG_HOME": str(self.folder / "config"),
                           "OLLAMA_MODELS": str(self.ollama)}

    def do(self, *arguments, status=0, **extra):
        return run(*arguments, env=self.env | extra, status=status)

    def json(self, *arguments, **more):
        return self.do(*arguments, "--json", **more).json()

    def say(self, model, *arguments):
        return self.json("run", model, "Who is Rosa?", "--max-tokens", 12, "--temperature", 0,
                         *arguments)

    @property
    def models(self):
        return self.folder / "data" / "hyprstream" / "models"


class LocalStoreTest(OllamaCase):
    def test_a_model_is_read_where_it_lies(self):
        write_store(self.ollama, "tale:1b", {"model": self.tale, "license": b"MIT"})
        before = sorted((str(p), p.stat().st_mtime_ns) for p in self.ollama.rglob("*"))
        direct = self.say(self.shared / "tale.gguf")
        for reference in ("ollama://tale:1b", "ollama://library/Tale:1B", "tale:1b"):
            self.assertEqual(self.say(reference)["text"], direct["text"])
        info = self.json("show", "ollama://tale:1b")
        self.assertEqual(info["name"], "tale:1b")
        self.assertTrue(info["path"].startswith(str(self.ollama)))
        rows = {row["name"]: row for row in self.json("list")}
        self.assertEqual(rows["tale:1b"]["from"], "ollama://tale:1b")
        self.assertGreater(rows["tale:1b"]["parameters"], 0)
        self.assertEqual(self.json("model", "verify", "ollama://tale:1b")["result"], "ok")
        self.assertEqual(before, sorted((str(p), p.stat().st_mtime_ns)
                                        for p in self.ollama.rglob("*")))
        self.assertFalse(self.models.exists())

    def test_the_default_tag_other_namespaces_and_linked_blobs(self):
        write_store(self.ollama, "tiny:latest", {"model": self.tiny})
        write_store(self.ollama, "tiny:v2", {"model": self.tiny}, namespace="me",
                    host="registry.example:5000")
        blob = self.ollama / "blobs" / digest(self.tiny).replace(":", "-")
        blob.rename(self.folder / "elsewhere")
        blob.symlink_to(self.folder / "elsewhere")
        self.assertEqual(self.json("show", "ollama://tiny")["name"], "tiny")
        self.assertEqual(self.json("show", "ollama://registry.example:5000/me/tiny:v2")["format"],
                         "gguf")

    def test_a_damaged_store_is_told(self):
        manifest = write_store(self.ollama, "tiny:latest", {"model": self.tiny})
        for text, word in ((b"{", "JSON"), (b'{"layers": []}', "no GGUF"),
                           (manifest_of({"model": self.tiny}).replace(b"sha256:", b"sha256:../"),
                            "digest"),
                           (manifest_of({"template": b"x"}), "no GGUF")):
            manifest.write_bytes(text)
            self.assertIn(word, self.do("show", "ollama://tiny", status=1).err)
        manifest.write_bytes(manifest_of({"model": self.tiny}))
        (self.ollama / "blobs" / digest(self.tiny).replace(":", "-")).unlink()
        self.assertIn("hyprstream pull", self.do("show", "ollama://tiny", status=1).err)

    def test_a_flipped_byte_in_a_blob_is_found(self):
        write_store(self.ollama, "tiny:latest", {"model": self.tiny})
        blob = self.ollama / "blobs" / digest(self.tiny).replace(":", "-")
        blob.write_bytes(self.tiny[:-1] + bytes([self.tiny[-1] ^ 1]))
        result = self.json("model", "verify", "ollama://tiny", status=1)
        self.assertEqual(result["checks"][0]["check"], "checksums")
        self.assertIn("ollama pull", result["checks"][0]["advice"])


class LayerTest(OllamaCase):
    def test_system_is_the_default_system_prompt(self):
        write_store(self.ollama, "tale:sys", {"model": self.tale, "system": b"You're 'Rosa'.\n{{x}}"})
        plain = self.say(self.shared / "tale.gguf", "--system", "You're 'Rosa'.\n{{x}}")
        packed = self.say("ollama://tale:sys")
        self.assertEqual(packed["text"], plain["text"])
        self.assertEqual(packed["usage"]["prompt_tokens"], plain["usage"]["prompt_tokens"])
        other = self.say("ollama://tale:sys", "--system", "No.")
        self.assertEqual(other["usage"]["prompt_tokens"],
                         self.say(self.shared / "tale.gguf", "--system",
                                  "No.")["usage"]["prompt_tokens"])

    def test_messages_come_first(self):
        messages = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello."}]
        write_store(self.ollama, "tale:m", {"model": self.tale,
                                            "messages": json.dumps(messages).encode()})
        history = self.folder / "history.json"
        history.write_text(json.dumps({"messages": messages}))
        self.assertEqual(self.say("ollama://tale:m")["text"],
                         self.say(self.shared / "tale.gguf", "--history", history)["text"])

    def test_params_are_defaults(self):
        params = {"temperature": 0, "num_predict": 7, "stop": ["zzz", "\n"], "num_ctx": 4096,
                  "top_k": 5, "repeat_penalty": 1.1}
        write_store(self.ollama, "tale:p", {"model": self.tale,
                                            "params": json.dumps(params).encode()})
        packed = self.json("run", "ollama://tale:p", "Who is Rosa?", "--ignore-eos")
        plain = self.json("run", self.shared / "tale.gguf", "Who is Rosa?", "--ignore-eos",
                          "--temperature", 0, "--max-tokens", 7, "--repetition-penalty", 1.1,
                          "--top-k", 5)
        self.assertEqual(packed["ids"], plain["ids"])
        self.assertEqual(len(packed["ids"]), 7)
        word = plain["text"].split()[1]
        write_store(self.ollama, "tale:s", {"model": self.tale, "params": json.dumps(
            params | {"stop": word}).encode()})
        stopped = self.json("run", "ollama://tale:s", "Who is Rosa?", "--ignore-eos")
        self.assertEqual(stopped["finish_reason"], "stop")
        self.assertEqual(stopped["text"], plain["text"].split(word)[0])
        more = self.json("run", "ollama://tale:p", "Who is Rosa?", "--ignore-eos", "--max-tokens", 9)
        self.assertEqual(len(more["ids"]), 9)
        write_store(self.ollama, "tale:bad", {"model": self.tale, "params": b'{"top_p": "high"}'})
        self.assertIn("top_p", self.do("run", "ollama://tale:bad", "x", status=1).err)

    def test_num_ctx_limits_the_context_unless_a_flag_does(self):
        write_store(self.ollama, "tale:c", {"model": self.tale, "params": b'{"num_ctx": 24}'})
        ask = ["run", "ollama://tale:c", "Who is Rosa?", "--ignore-eos", "--max-tokens", 200]
        def length(*flags, **env):
            told = self.json(*ask, *flags, **env)
            self.assertEqual(told["finish_reason"], "length")
            return told["usage"]["prompt_tokens"] + told["usage"]["completion_tokens"]
        self.assertEqual(length(), 24)
        self.assertEqual(length("--context", 30), 30)
        self.assertEqual(length(HYPRSTREAM_ENGINE__CONTEXT="28"), 28)
        # More than the model has is as much as it has.
        write_store(self.ollama, "tale:c", {"model": self.tale, "params": b'{"num_ctx": 9999999}'})
        self.assertEqual(self.json(*ask)["usage"]["completion_tokens"], 200)

    def test_repeat_last_n_is_the_window_of_the_penalty(self):
        # A strong penalty makes the greedy answer depend on how far it looks back.
        ask = ["Tell me a story about Rosa.", "--ignore-eos", "--max-tokens", 200]
        def packed(params):
            write_store(self.ollama, "tale:w", {"model": self.tale, "params": json.dumps(
                {"temperature": 0, "repeat_penalty": 1.4} | params).encode()})
            return self.json("run", "ollama://tale:w", *ask)["ids"]
        def plain(last_n):
            return self.json("run", self.shared / "tale.gguf", *ask, "--temperature", 0,
                             "--repetition-penalty", 1.4, "--repeat-last-n", last_n)["ids"]
        answers = {n: plain(n) for n in (0, 3, 64, -1)}
        self.assertEqual(len(set(map(tuple, answers.values()))), 4)
        self.assertEqual(packed({}), answers[64])
        for n in (0, 3, -1):
            self.assertEqual(packed({"repeat_last_n": n}), answers[n], n)

    def test_the_models_own_template_comes_before_the_layer(self):
        write_store(self.ollama, "tale:t", {"model": self.tale, "template": b"never {{ .Prompt }}"})
        self.assertEqual(self.say("ollama://tale:t")["text"],
                         self.say(self.shared / "tale.gguf")["text"])

    def test_a_go_template_stands_in_where_there_is_none(self):
        write_store(self.ollama, "bare:t", {"model": self.bare, "template": GO_TEMPLATE,
                                            "system": b"Be kind."})
        plain = self.say(self.shared / "tale.gguf", "--system", "Be kind.")
        packed = self.say("ollama://bare:t")
        self.assertEqual(packed["usage"]["prompt_tokens"], plain["usage"]["prompt_tokens"])
        self.assertEqual(packed["text"], plain["text"])
        write_store(self.ollama, "bare:u", {"model": self.bare,
                                            "template": b"{{ printf .Prompt }}"})
        warned = self.do("run", "ollama://bare:u", "Hi", "--max-tokens", 2)
        self.assertIn("printf", warned.err)

    def test_an_adapter_is_always_on(self):
        write_peft(self.folder / "peft")
        self.do("lora", "import", self.folder / "peft", "--name", "t", "--base-model", WILLOWBROOK)
        self.do("lora", "export", "t", "--output", self.folder / "t.gguf", "--format", "gguf")
        write_store(self.ollama, "tale:a", {"model": self.tale,
                                            "adapter": (self.folder / "t.gguf").read_bytes()})
        plain = self.say(self.shared / "tale.gguf", "--adapter", self.folder / "t.gguf")
        self.assertNotEqual(plain["ids"], self.say(self.shared / "tale.gguf")["ids"])
        self.assertEqual(self.say("ollama://tale:a")["ids"], plain["ids"])


class ServeTest(OllamaCase):
    def test_what_comes_with_a_model_holds_for_requests(self):
        if self.do("serve", "--help", status=None).status != 0:
            self.skipTest("a program without a server")
        write_peft(self.folder / "peft")
        self.do("lora", "import", self.folder / "peft", "--name", "t", "--base-model", WILLOWBROOK)
        self.do("lora", "export", "t", "--output", self.folder / "t.gguf", "--format", "gguf")
        write_store(self.ollama, "tale:all", {
            "model": self.tale, "system": b"Be kind.",
            "adapter": (self.folder / "t.gguf").read_bytes(),
            "params": json.dumps({"temperature": 0, "num_predict": 3, "num_ctx": 40}).encode()})
        asked = [{"role": "user", "content": "Who is Rosa?"}]
        told = self.json("run", "ollama://tale:all", asked[0]["content"])
        server.PROGRAM = program.PROGRAM
        with server.Server(model="ollama://tale:all",
                           env={"OLLAMA_MODELS": str(self.ollama)}) as running:
            self.assertEqual([m["id"] for m in running.get("/v1/models")[1]["data"]], ["tale:all"])
            status, answer = running.post("/v1/chat/completions",
                                          {"model": "tale:all", "messages": asked})
            self.assertEqual(status, 200, answer)
            self.assertEqual(answer["choices"][0]["message"]["content"], told["text"])
            self.assertEqual(answer["usage"]["completion_tokens"], 3)
            self.assertEqual(answer["usage"]["prompt_tokens"], told["usage"]["prompt_tokens"])
            status, answer = running.post("/api/generate", {
                "model": "tale:all", "prompt": "Rosa lives", "raw": True, "stream": False})
            self.assertEqual((status, answer["eval_count"]), (200, 3), answer)
            status, answer = running.post("/api/generate", {
                "model": "tale:all", "prompt": "Rosa lives. " * 40, "raw": True, "stream": False})
            self.assertEqual(status, 400)
            self.assertIn("context of 40", answer["error"])
            status, answer = running.post("/v1/chat/completions", {
                "model": "tale:all", "max_tokens": 2,
                "messages": [{"role": "system", "content": "No."}] + asked})
            self.assertEqual(answer["usage"]["completion_tokens"], 2)
            self.assertLess(answer["usage"]["prompt_tokens"], told["usage"]["prompt_tokens"])


class ExportTest(OllamaCase):
    def test_an_adapter_for_ollama_create(self):
        write_store(self.ollama, "tale:1b", {"model": self.tale})
        write_peft(self.folder / "peft")
        for base, meant in (("ollama://tale:1b", "tale:1b"), (WILLOWBROOK, str(WILLOWBROOK))):
            name = "of-" + meant.split(":")[0].split("/")[-1]
            self.do("lora", "import", self.folder / "peft", "--name", name, "--base-model", base)
            out = self.folder / name
            self.do("lora", "export", name, "--format", "ollama", "--output", out)
            lines = (out / "Modelfile").read_text().splitlines()
            words = dict(line.split(" ", 1) for line in lines if not line.startswith("#"))
            self.assertEqual(words, {"FROM": meant, "ADAPTER": "./adapter.gguf"})
            adapter = (out / "adapter.gguf").read_bytes()
            # What `ollama create` makes of it is used here as its own.
            write_store(self.ollama, f"{name}:latest", {"model": self.tale, "adapter": adapter})
            self.assertEqual(self.say(f"ollama://{name}")["ids"],
                             self.say(self.shared / "tale.gguf", "--adapter",
                                      out / "adapter.gguf")["ids"])
            self.assertIn("already", self.do("lora", "export", name, "--format", "ollama",
                                             "--output", out, status=1).err)


class PullTest(OllamaCase):
    def setUp(self):
        super().setUp()
        self.registry = self.enterContext(MockOllama())
        self.env |= {"OLLAMA_HOST": self.registry.url}
        self.registry.add("library/tiny:latest", {"model": self.tiny, "system": b"Be brief.",
                                                  "license": b"MIT", "template": GO_TEMPLATE})

    def published(self):
        return sorted(str(p.relative_to(self.models)) for p in self.models.rglob("*")
                      if p.is_file() and not any(part.startswith(".")
                                                 for part in p.relative_to(self.models).parts))

    def test_a_model_arrives_and_is_used(self):
        self.registry.add("library/tale:1b", {"model": self.tale, "system": b"Be brief."})
        result = self.json("pull", "ollama://tale:1b")
        place = pathlib.Path(result["path"])
        self.assertEqual(place, self.models / "ollama" / "library" / "tale" / "1b")
        self.assertEqual((place / "model.gguf").read_bytes(), self.tale)
        self.assertEqual((place / "manifest.json").read_bytes(),
                         self.registry.manifests["library/tale:1b"])
        row = next(r for r in self.json("list") if r["name"] == "tale:1b")
        self.assertEqual(row["reference"], "ollama://tale:1b")
        plain = self.say(self.shared / "tale.gguf", "--system", "Be brief.")
        for reference in ("ollama://tale:1b", "ollama://TALE:1B", "tale:1b"):
            self.assertEqual(self.say(reference)["text"], plain["text"])
        self.assertEqual(self.json("model", "verify", "ollama://tale:1b")["result"], "ok")
        self.assertGreater(self.json("rm", "ollama://tale:1b", "--yes")[0]["bytes_freed"],
                           len(self.tale))
        self.assertEqual(self.published(), [])

    def test_a_second_pull_fetches_nothing_and_a_moved_tag_replaces(self):
        self.json("pull", "ollama://tiny")
        self.registry.sent = 0
        self.assertEqual(self.json("pull", "ollama://tiny:latest")["fetched"], 0)
        self.assertEqual(self.registry.sent, 0)
        self.registry.add("library/tiny:latest", {"model": self.tiny, "system": b"Be long."})
        self.assertEqual(self.json("pull", "ollama://tiny")["fetched"], len(b"Be long."))
        self.assertEqual(self.published(), [f"ollama/library/tiny/latest/{name}" for name in
                                            ("manifest.json", "model.gguf", "system")])
        self.assertEqual(self.json("model", "cache", "status")["unused_bytes"], 0)

    def test_cut_connections_are_resumed(self):
        self.registry.faults.cut_after = len(self.tiny) // 3
        self.registry.faults.cuts = 2
        self.json("pull", "ollama://tiny")
        self.assertLess(self.registry.sent, len(self.tiny) * 1.01 + 1000)
        self.assertEqual(self.json("model", "verify", "ollama://tiny", status=None)
                         ["checks"][0]["result"], "ok")

    def test_a_busy_registry_is_waited_for(self):
        self.registry.faults.busy = [503, 429]
        self.json("pull", "ollama://tiny")

    def assert_refused(self, word, *arguments, **extra):
        refused = self.do("pull", *(arguments or ["ollama://tiny"]), status=1, **extra)
        self.assertIn(word, refused.err)
        if self.models.exists():
            self.assertEqual(self.published(), [])
            self.assertEqual([p.name for p in (self.models / ".blobs").iterdir()
                              if p.read_bytes() == self.tiny], [])

    def test_a_wrong_digest_keeps_nothing(self):
        self.registry.faults.corrupt = {digest(self.tiny)}
        self.assert_refused("its hash is wrong")
        self.registry.faults.corrupt = set()
        self.json("pull", "ollama://tiny")

    def test_refusals(self):
        self.assert_refused("no such model", "ollama://absent")
        self.registry.faults.status = 401
        self.assert_refused("ollama pull")
        self.registry.faults.status = 500
        self.assert_refused("500")

    def test_a_private_model_is_fetched_with_the_users_key(self):
        self.registry.add("me/mine:latest", {"model": self.tiny})
        self.registry.private = {"me/mine"}
        self.assert_refused("id_ed25519", "ollama://me/mine")  # no key
        key = self.folder / ".ollama" / "id_ed25519"
        public = make_key(key)
        self.assert_refused("id_ed25519", "ollama://me/mine")  # one that the account does not know
        self.registry.owners = {public}
        self.json("pull", "ollama://me/mine")
        self.assertEqual(self.json("show", "ollama://me/mine")["format"], "gguf")
        secret = "".join(key.read_text().splitlines()[1:-1])
        for kind, _, path, headers in self.registry.requests:
            self.assertNotIn(secret, path + repr(headers))
            if kind == "storage":
                self.assertNotIn("Authorization", headers)
        self.do("rm", "ollama://me/mine", "--yes")

    def test_a_token_that_has_expired_is_asked_for_again(self):
        self.registry.owners = {make_key(self.folder / ".ollama" / "id_ed25519")}
        self.registry.private = {"library/tiny"}
        self.registry.faults.token_uses = 2
        self.registry.faults.cut_after = len(self.tiny) // 3
        self.registry.faults.cuts = 2
        self.json("pull", "ollama://tiny")
        self.assertGreater(len(self.registry.tokens), 1)
        self.assertLess(self.registry.sent, len(self.tiny) * 1.01 + 1000)

    def test_a_signature_goes_to_the_registry_alone(self):
        make_key(self.folder / ".ollama" / "id_ed25519")
        self.registry.private = {"library/tiny"}
        for realm in (self.registry.storage_url + "/token", "https://elsewhere.example/token",
                      "file:///etc/passwd", "http://me:word@" + self.registry.host + "/token"):
            self.registry.requests.clear()
            self.registry.faults.realm = realm
            self.assert_refused("error:")
            self.assertEqual([r for r in self.registry.requests if "Authorization" in r[3]], [])

    def test_answers_without_a_token_are_refused(self):
        self.registry.owners = {make_key(self.folder / ".ollama" / "id_ed25519")}
        self.registry.private = {"library/tiny"}
        for document in (b"{", b"[]", b"{}", b'{"token": 7}', b'{"token": "a\\r\\nX: y"}',
                         b"[" * 100_000, b" " * (5 << 20)):
            self.registry.faults.token_document = document
            self.assert_refused("error:")

    def test_a_key_that_cannot_be_used_is_named(self):
        key = self.folder / ".ollama" / "id_ed25519"
        make_key(key)
        self.registry.private = {"library/tiny"}
        key.write_text(key.read_text()[:150])
        self.assert_refused(str(key))

    def test_offline_opens_no_socket(self):
        self.assert_refused("HF_HUB_OFFLINE", HF_HUB_OFFLINE="1")
        self.assertEqual(self.registry.requests, [])

    def test_without_encryption_only_when_allowed(self):
        del self.env["OLLAMA_HOST"]
        reference = f"ollama://{self.registry.host}/library/tiny"
        self.assertEqual(self.do("pull", reference, status=1).out, "")
        self.assertEqual(self.registry.requests, [])
        result = self.json("pull", reference, "--insecure")
        self.assertTrue(result["model"].startswith(f"ollama://{self.registry.host}/library/tiny"))
        self.assertEqual(self.json("show", reference)["format"], "gguf")
        self.assertEqual(self.json("show", result["model"])["format"], "gguf")
        self.do("show", "ollama://tiny", status=1)  # another host's

    def test_hostile_manifests(self):
        whole = json.loads(manifest_of({"model": self.tiny}))
        def changed(change):
            document = json.loads(json.dumps(whole))
            change(document)
            return json.dumps(document).encode()
        for manifest in (
                b"", b"{", b"[]", b"{}", b'{"layers": {}}', b"[" * 100_000,
                changed(lambda d: d["layers"][0].update(digest="sha256:../../../etc/passwd")),
                changed(lambda d: d["layers"][0].update(digest=7)),
                changed(lambda d: d["layers"][0].pop("size")),
                changed(lambda d: d["layers"][0].update(size=-1)),
                changed(lambda d: d["layers"][0].update(size=1)),
                changed(lambda d: d["layers"][0].update(size=2**62)),
                changed(lambda d: d.update(layers=d["layers"] * 1000)),
                changed(lambda d: d.update(layers=["x"])),
                changed(lambda d: d["layers"].append(d["layers"][0] | {"size": 2**63})),
                b" " * (5 << 20)):
            self.registry.manifests["library/tiny:latest"] = manifest
            self.assert_refused("error:")

    def test_no_secret_goes_anywhere(self):
        self.do("pull", "ollama://tiny", HF_TOKEN="hf_secretsecretsecret")
        for _, _, path, headers in self.registry.requests:
            self.assertNotIn("Authorization", headers)
            self.assertNotIn("secret", path + repr(headers))


if __name__ == "__main__":
    program.main()
