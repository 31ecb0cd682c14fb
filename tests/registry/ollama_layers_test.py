"""What comes with a model of Ollama besides its weights: layers that a run and a server honour, adapters."""

import json
import pathlib
import sys

from ollama_case import GO_TEMPLATE, OllamaCase, write_peft

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "server"))

import program
import server
from mock_ollama import write_store
from program import WILLOWBROOK


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


if __name__ == "__main__":
    program.main()
