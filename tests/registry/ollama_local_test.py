"""The store of a local Ollama, read in place."""

from ollama_case import OllamaCase

import program
from mock_ollama import digest, manifest_of, write_store


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


if __name__ == "__main__":
    program.main()
