"""Arguments, settings, exit statuses and the form of errors."""

import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

import program
from program import FIXTURES, clean_environment, run


class UsageTest(unittest.TestCase):
    def test_wrong_usage_is_status_two_with_a_hint(self):
        for arguments in ((), ("frobnicate",), ("run",), ("model",), ("model", "info"),
                          ("run", "willowbrook", "hi", "--no-such-flag"),
                          ("run", "willowbrook", "hi", "--temperature", "warm"),
                          ("completion", "tcsh"), ("model", "list", "--format", "xml")):
            result = run(*arguments, status=2)
            self.assertEqual(result.out, "", arguments)
            self.assertTrue(result.err.startswith("error: "), (arguments, result.err))

    def test_failures_are_status_one_and_said_once(self):
        result = run("run", "no-such-model", "hi", status=1)
        self.assertEqual(result.err.count("error:"), 1)
        self.assertIn("willowbrook", result.err)  # what there is instead

    def test_json_errors(self):
        result = run("run", "no-such-model", "hi", "--json", status=1)
        self.assertEqual(result.json()["error"]["code"], "not_found")
        self.assertEqual(result.err, "")
        self.assertEqual(run("run", "--json", status=2).json()["error"]["code"], "usage")

    def test_what_was_not_fetched_says_how_to(self):
        with tempfile.TemporaryDirectory() as home:
            env = clean_environment(HOME=home, XDG_DATA_HOME=home + "/data", OLLAMA_MODELS=home)
            for reference in ("hf://org/name", "ollama://llama3:8b", "hf.co/org/name:Q4_K_M"):
                result = run("show", reference, env=env, status=1)
                self.assertIn(f"hyprstream pull {reference}", result.err)

    def test_hostile_names_are_refused(self):
        for reference in ("a/../../etc", "a\\b", "a//b", "a\nb", ""):
            result = run("model", "info", reference, status=1)
            self.assertTrue(result.err.startswith("error: "), result.err)
            self.assertNotIn("\x1b", result.err)

    def test_every_verb_has_help_with_an_example(self):
        verbs = [[]]
        seen = 0
        while verbs:
            path = verbs.pop()
            result = run(*path, "--help")
            self.assertIn("Example: ", result.out, path)
            self.assertIn(" ".join(["Usage: hyprstream", *path, "[OPTIONS]"]), result.out)
            self.assertEqual(result.err, "")
            seen += 1
            if "Subcommands:" in result.out:
                for line in result.out.split("Subcommands:")[1].splitlines():
                    if line.startswith("  ") and not line.startswith("   "):
                        verbs.append(path + [line.split()[0]])
        self.assertGreater(seen, 20)

    def test_a_closed_pipe_is_no_error(self):
        command = f"'{program.PROGRAM}' model info willowbrook --tensors --json | head -1; " \
                  "echo ${PIPESTATUS[0]}"
        done = subprocess.run(["bash", "-c", command], capture_output=True, text=True,
                              env=clean_environment())
        self.assertEqual(done.stdout.splitlines()[-1], "0")
        self.assertEqual(done.stderr, "")

    def test_no_escape_sequences_without_a_terminal(self):
        for extra in ({}, {"NO_COLOR": "1"}):
            result = run("run", "no-such-model", "hi", status=1, env=clean_environment(**extra))
            self.assertNotIn("\x1b", result.err)

    def test_cuda_is_refused(self):
        result = run("run", "willowbrook", "hi", "--device", "cuda", status=1)
        self.assertIn("CPU only", result.err)

    def test_version_names_the_machine(self):
        document = run("version", "--json").json()
        self.assertEqual(document["machine"]["devices"], ["cpu"])
        self.assertIn(document["machine"]["used"], document["machine"]["instruction_sets"])
        self.assertIn("PCRE2", document["libraries"])
        self.assertIn(document["version"], run("--version").out)


class SettingsTest(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)
        (self.folder / "hyprstream").mkdir()
        self.file = self.folder / "hyprstream" / "config.toml"

    def settings(self, *flags, **environment):
        env = clean_environment(XDG_CONFIG_HOME=str(self.folder), **environment)
        rows = run(*flags, "settings", "--json", env=env).json()
        return {row["setting"]: (row["value"], row["source"]) for row in rows}

    def test_each_source_overrides_the_one_before(self):
        self.assertEqual(self.settings()["server.port"], ("8080", "default"))
        self.file.write_text("[server]\nport = 9000\n[sampling]\ntemperature = 0.25\n")
        settings = self.settings()
        self.assertEqual(settings["server.port"], ("9000", "config.toml"))
        self.assertEqual(settings["sampling.temperature"], ("0.25", "config.toml"))
        for name in ("HYPRSTREAM_SERVER_PORT", "HYPRSTREAM_SERVER__PORT"):
            self.assertEqual(self.settings(**{name: "9001"})["server.port"], ("9001", name))

    def test_keys_with_an_underscore_can_be_set_by_the_environment(self):
        for name in ("HYPRSTREAM_ENGINE_MEMORY_LIMIT", "HYPRSTREAM_ENGINE__MEMORY_LIMIT"):
            self.assertEqual(self.settings(**{name: "2G"})["engine.memory_limit"], ("2G", name))

    def test_a_file_can_be_named(self):
        other = self.folder / "other.toml"
        other.write_text("[engine]\nthreads = 3\n")
        self.file.write_text("[engine]\nthreads = 4\n")
        self.assertEqual(self.settings("--config", other)["engine.threads"][0], "3")
        env = clean_environment()
        run("--config", self.folder / "none.toml", "settings", env=env, status=1)

    def test_mistakes_name_the_key_and_the_line(self):
        for text, words in (("[server]\nport = 1\nprot = 2\n", ("server.prot", ":3")),
                            ("\n[servers]\nport = 1\n", ("servers", ":2")),
                            ("[server]\nport = \"x\"\n", ("server.port", ":2", "integer")),
                            ("[sampling]\ntemperature = nan\n", ("sampling.temperature",)),
                            ("[server\n", (":1",))):
            self.file.write_text(text)
            env = clean_environment(XDG_CONFIG_HOME=str(self.folder))
            result = run("settings", env=env, status=1)
            for word in words:
                self.assertIn(word, result.err)
        self.file.write_text("")
        env = clean_environment(XDG_CONFIG_HOME=str(self.folder), HYPRSTREAM_SERVER_PORT="many")
        self.assertIn("HYPRSTREAM_SERVER_PORT", run("settings", env=env, status=1).err)

    def test_flags_override_the_environment_and_the_model_comes_before_the_default(self):
        # Greedy by the environment is reproducible without a seed; a flag makes it sampled again.
        env = clean_environment(HYPRSTREAM_SAMPLING_TEMPERATURE="0")
        ask = ("run", "willowbrook", "Tell me a story.", "--max-tokens", 12, "--json")
        first, second = (run(*ask, "--seed", s, env=env).json()["text"] for s in (1, 2))
        self.assertEqual(first, second)
        texts = {run(*ask, "--temperature", 2, "--top-k", 0, "--top-p", 1, "--seed", s,
                     env=env).json()["text"] for s in (1, 2, 3)}
        self.assertGreater(len(texts), 1)


class CompletionTest(unittest.TestCase):
    def complete(self, *words):
        script = run("completion", "bash").out
        line = " ".join(f"'{w}'" for w in ("hyprstream",) + words)
        command = script + f"\nCOMP_WORDS=({line}); COMP_CWORD={len(words)}; _hyprstream; " \
                           "printf '%s\\n' \"${COMPREPLY[@]}\""
        done = subprocess.run(["bash", "-eu", "-c", command], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.split()

    def test_bash_completes_verbs_and_flags(self):
        self.assertIn("run", self.complete(""))
        self.assertEqual(self.complete("comp"), ["completion"])
        self.assertIn("verify", self.complete("model", ""))
        self.assertIn("--temperature", self.complete("run", "willowbrook", "--te"))
        self.assertNotIn("--temperature", self.complete("model", "info", "--"))

    def test_the_other_shells_get_a_script(self):
        self.assertTrue(run("completion", "zsh").out.startswith("#compdef hyprstream"))
        self.assertIn("complete -c hyprstream", run("completion", "fish").out)
        if shutil.which("zsh"):
            done = subprocess.run(["zsh", "-n"], input=run("completion", "zsh").out, text=True)
            self.assertEqual(done.returncode, 0)


if __name__ == "__main__":
    program.main()
