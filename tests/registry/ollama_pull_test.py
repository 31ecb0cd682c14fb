"""`pull` from a registry of Ollama, which may fail, refuse or mean ill."""

import json
import pathlib

from ollama_case import GO_TEMPLATE, OllamaCase

import program
from mock_ollama import MockOllama, digest, make_key, manifest_of


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
