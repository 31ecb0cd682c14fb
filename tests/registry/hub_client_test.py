"""The mock hub is faithful: the official Python client downloads from it, and is refused by it, as by
the real one. And what that client has downloaded is used in place, never fetched twice."""

import os
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "cli"))

os.environ.update(HF_HUB_DISABLE_TELEMETRY="1", HF_HUB_DISABLE_PROGRESS_BARS="1",
                  HF_HUB_DISABLE_XET="1")

import huggingface_hub
from huggingface_hub import errors

import program
from program import run
from pulling import PullCase, noise


class ClientTest(PullCase):
    def setUp(self):
        super().setUp()
        self.commit, self.files = self.small(**{"sub/a b.json": b"{}"})
        self.cache = self.folder / "hf" / "hub"

    def download(self, name="org/small", **more):
        return pathlib.Path(huggingface_hub.snapshot_download(
            name, endpoint=self.hub.url, cache_dir=self.cache, **{"token": False} | more))

    def test_it_downloads_what_was_put_there(self):
        folder = self.download()
        self.assertEqual(folder.name, self.commit)
        self.assertEqual({str(p.relative_to(folder)): p.read_bytes()
                          for p in folder.rglob("*") if p.is_file()}, self.files)
        storage = self.hub.find("storage")
        self.assertTrue(storage)
        self.assertFalse([r for r in storage if "Authorization" in r[3]])

    def test_it_resumes_after_a_cut(self):
        self.hub.faults.cut_after, self.hub.faults.cuts = 100_000, 1
        folder = self.download()
        self.assertEqual((folder / "model.safetensors").read_bytes(),
                         self.files["model.safetensors"])

    def test_it_is_told_what_is_wrong(self):
        api = huggingface_hub.HfApi(endpoint=self.hub.url, token=False)
        with self.assertRaises(errors.RepositoryNotFoundError):
            api.model_info("org/none", token="hf_goodtokengoodtoken")
        with self.assertRaises(errors.RevisionNotFoundError):
            api.model_info("org/small", revision="v9")
        with self.assertRaises(errors.EntryNotFoundError):
            huggingface_hub.hf_hub_download("org/small", "none.json", endpoint=self.hub.url,
                                            cache_dir=self.cache, token=False)
        self.hub.repositories["org/small"].gated = ("friend",)
        with self.assertRaises(errors.GatedRepoError):
            huggingface_hub.hf_hub_download("org/small", "config.json", endpoint=self.hub.url,
                                            cache_dir=self.cache, token=False)
        self.hub.repositories["org/small"].gated = False
        self.hub.repositories["org/small"].disabled = True
        with self.assertRaises(errors.DisabledRepoError):
            api.model_info("org/small")

    def test_it_reads_trees_and_searches_page_by_page(self):
        self.hub.faults.page_size = 2
        api = huggingface_hub.HfApi(endpoint=self.hub.url, token=False)
        self.assertEqual(sorted(f.path for f in api.list_repo_tree("org/small", recursive=True)),
                         sorted(self.files))
        for i in range(5):
            self.hub.add(f"org/other-{i}", {"config.json": b"{}"})
        self.assertEqual(len(list(api.list_models(search="other", limit=10))), 5)
        self.assertEqual(huggingface_hub.HfApi(endpoint=self.hub.url).whoami(
            "hf_goodtokengoodtoken")["name"], "somebody")

    def test_it_uploads(self):
        api = huggingface_hub.HfApi(endpoint=self.hub.url, token="hf_goodtokengoodtoken")
        api.create_repo("somebody/mine", private=True)
        weights = noise(50_000, 9)
        api.upload_file(path_or_fileobj=weights, path_in_repo="model.safetensors",
                        repo_id="somebody/mine")
        api.upload_file(path_or_fileobj=b"{}", path_in_repo="config.json", repo_id="somebody/mine")
        folder = self.download("somebody/mine", token="hf_goodtokengoodtoken")
        self.assertEqual((folder / "model.safetensors").read_bytes(), weights)

    def test_what_python_has_is_not_fetched_again(self):
        self.download()
        self.hub.forget()
        result = self.pulled("org/small", HF_HUB_CACHE=self.cache)
        self.assertEqual(result["fetched"], 0)
        self.assertGreater(result["from_python_cache"], 300_000)
        self.assertEqual(sum(self.hub.sent.values()), 0)
        files = {k: v for k, v in self.files.items() if "/" not in k}
        self.assert_whole(result, files)
        blob = (self.cache / "models--org--small" / "snapshots" / self.commit /
                "model.safetensors").resolve()
        kept = pathlib.Path(result["path"]) / "model.safetensors"
        self.assertTrue(kept.samefile(blob), "the bytes are on the disk twice")

    def test_offline_python_stands_in_for_the_hub(self):
        self.download()
        self.hub.forget()
        result = self.pulled("org/small", HF_HUB_CACHE=self.cache, HF_HUB_OFFLINE=1)
        self.assertEqual(result["revision"], self.commit)
        self.assertEqual(self.hub.find(), [])

    def test_a_damaged_file_of_python_is_fetched(self):
        folder = self.download()
        blob = (folder / "model.safetensors").resolve()
        blob.write_bytes(b"x" + blob.read_bytes()[1:])
        result = self.pulled("org/small", HF_HUB_CACHE=self.cache)
        self.assertEqual(result["fetched"], len(self.files["model.safetensors"]))
        self.assertEqual(blob.read_bytes()[:1], b"x")

    def test_a_link_out_of_the_cache_is_not_followed(self):
        folder = self.download()
        secret = self.folder / "secret.json"
        secret.write_bytes(self.files["config.json"])
        (folder / "config.json").unlink()
        (folder / "config.json").symlink_to(secret)
        result = self.pulled("org/small", HF_HUB_CACHE=self.cache)
        self.assertEqual(result["fetched"], len(self.files["config.json"]))


if __name__ == "__main__":
    program.main()
