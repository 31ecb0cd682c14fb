"""What a user does with an account of the Hub: `push`, `model search`, `auth`."""

import json

from pulling import PullCase, noise, program, run


class PushTest(PullCase):
    def setUp(self):
        super().setUp()
        self.source = self.folder / "mine"
        (self.source / "sub").mkdir(parents=True)
        self.files = {"config.json": b"{}", "model.safetensors": noise(300_000),
                      "sub/notes.txt": b"\x00\xff"}
        for name, data in self.files.items():
            (self.source / name).write_bytes(data)
        (self.source / ".secret").write_bytes(b"stays at home")

    def push(self, *arguments, token="hf_goodtokengoodtoken", status=0):
        return run("push", self.source, *arguments, "--json", status=status,
                   env=self.env(**({"HF_TOKEN": token} if token else {})))

    def test_a_folder_becomes_a_commit(self):
        result = self.push("somebody/mine", "--private", "--message", "First").json()
        self.assertTrue(result["created"])
        self.assertEqual(result["sent"], 300_000)
        repository = self.hub.repositories["somebody/mine"]
        self.assertTrue(repository.private)
        self.assertEqual(repository.refs["main"], result["commit"])
        there = {path: file.data for path, file in repository.commits[result["commit"]].items()}
        there.pop(".gitattributes")
        self.assertEqual(there, self.files)
        for kind, _, _, headers in self.hub.find():
            self.assertEqual("Authorization" in headers, kind == "hub")
        again = self.push("somebody/mine").json()
        self.assertFalse(again["created"])
        self.assertEqual(again["sent"], 0)  # the storage has it
        self.assert_whole(self.pulled("somebody/mine", HF_TOKEN="hf_goodtokengoodtoken"),
                          {k: v for k, v in self.files.items() if "/" not in k})

    def test_large_files_go_in_parts(self):
        self.hub.faults.multipart = 65_536
        commit = self.push("somebody/mine").json()["commit"]
        files = self.hub.repositories["somebody/mine"].commits[commit]
        self.assertEqual(files["model.safetensors"].data, self.files["model.safetensors"])
        self.assertEqual(len(self.hub.find("storage", "PUT")), 5)

    def test_a_busy_storage_is_waited_for(self):
        self.hub.faults.busy_puts = 2
        self.push("somebody/mine")

    def test_who_may_not_write_is_told_so(self):
        nobody = self.push("somebody/mine", token=None, status=1).json()["error"]
        self.assertEqual(nobody["code"], "unauthenticated")
        self.assertEqual(self.hub.find(), [])
        wrong = self.push("somebody/mine", token="hf_badbadbadbadbad", status=1)
        self.assertIn("may write", wrong.out)
        self.assertNotIn("hf_badbadbadbadbad", wrong.out + wrong.err)

    def test_nothing_to_push(self):
        for path in self.source.rglob("*"):
            if path.is_file() and path.name != ".secret":
                path.unlink()
        self.assertIn("nothing to push", self.push("somebody/mine", status=1).out)
        self.push("nowhere", status=1)


class SearchTest(PullCase):
    def test_pages_are_put_together(self):
        for i in range(7):
            self.hub.add(f"org/model-{i}", {"config.json": b"{}"})
        self.hub.add("other/thing", {"config.json": b"{}"})
        self.hub.faults.page_size = 3
        rows = run("model", "search", "model", "--json", env=self.env()).json()
        self.assertEqual([r["model"] for r in rows], [f"org/model-{i}" for i in range(7)])
        rows = run("model", "search", "model", "--limit", "4", "--json", env=self.env()).json()
        self.assertEqual(len(rows), 4)
        self.assertEqual(run("model", "search", "--author", "other", "--json",
                             env=self.env()).json()[0]["model"], "other/thing")
        self.assertIn("nothing", run("model", "search", "zzz", env=self.env()).out)


class AuthTest(PullCase):
    def auth(self, *arguments, text=None, status=0, **extra):
        return run("auth", *arguments, text=text, env=self.env(**extra), status=status)

    def test_a_token_is_kept_for_its_owner_and_shown_masked(self):
        token = "hf_goodtokengoodtoken"
        login = self.auth("login", "--stdin", text=token + "\n")
        path = self.folder / "config" / "hyprstream" / "token"
        self.assertEqual(path.stat().st_mode & 0o777, 0o600)
        status = self.auth("status", "--check", "--json")
        self.assertEqual(status.json()["account"], "somebody")
        for result in (login, status):
            self.assertNotIn(token, result.out + result.err)
            self.assertIn("oken", result.out)
        self.small()
        self.hub.repositories["org/small"].private = True
        self.pull("org/small")
        self.assertIn("removed", self.auth("logout").out)
        self.assertFalse(path.exists())
        self.assertFalse(self.auth("status", "--json").json()["logged_in"])

    def test_a_token_that_the_hub_does_not_know_is_not_kept(self):
        refused = self.auth("login", "--stdin", "--check", text="hf_nobodysnobodys", status=1)
        self.assertNotIn("hf_nobodysnobodys", refused.err)
        self.assertFalse((self.folder / "config" / "hyprstream" / "token").exists())

    def test_no_terminal_and_no_flag(self):
        self.assertIn("--stdin", self.auth("login", status=2).err)
        self.auth("login", "--stdin", text="two words", status=1)
        self.auth("login", "--stdin", text="", status=1)


if __name__ == "__main__":
    program.main()
