"""`pull` from a hub that fails, refuses or means ill: never a file that is not right."""

import hashlib
import signal
import subprocess
import threading

from mock_hub import MockHub
from pulling import PullCase, noise, program, run


class FaultTest(PullCase):
    def setUp(self):
        super().setUp()
        self.commit, self.files = self.small()

    def test_cut_at_any_byte(self):
        data = self.files["model.safetensors"]
        for at in (1, 2, 4095, 65_537, len(data) - 1):
            with self.subTest(at):
                self.hub.forget()
                self.hub.faults.cut_after, self.hub.faults.cuts = at, 1
                self.assert_whole(self.pulled("org/small", "--files", "model.safetensors", "--force"),
                                  {"model.safetensors": data})
                self.assertEqual([r[3].get("Range") for r in self.hub.find("storage")],
                                 [None, f"bytes={at}-"])
                self.assertEqual(self.hub.sent["storage"], len(data))

    def test_a_range_that_is_ignored_starts_the_file_anew(self):
        self.hub.faults.cut_after, self.hub.faults.cuts = 100_000, 1
        self.hub.faults.ignore_range = True
        self.assert_whole(self.pulled("org/small"), self.files)

    def test_a_range_that_cannot_be_had_starts_the_file_anew(self):
        self.hub.faults.cut_after, self.hub.faults.cuts = 100_000, 1
        self.hub.faults.range_416 = 1
        self.assert_whole(self.pulled("org/small"), self.files)

    def test_another_range_than_asked_for(self):
        self.hub.faults.cut_after, self.hub.faults.cuts = 100_000, 1000
        self.hub.faults.bad_range = True
        self.assertIn("another part", self.pull("org/small", status=1).err)
        self.assert_nothing_published()

    def assert_nothing_published(self):
        self.assertEqual(self.published(), [])
        self.assertNotIn(hashlib.sha256(self.files["model.safetensors"]).hexdigest(),
                         self.contents())

    def test_a_wrong_hash_keeps_nothing(self):
        for name, what in (("model.safetensors", "SHA-256"), ("config.json", "git blob")):
            with self.subTest(name):
                self.hub.faults.corrupt = {name}
                refused = self.pull("org/small", "--files", name, status=1)
                self.assertIn(what, refused.err)
                self.assertIn(name, refused.err)
                self.assertEqual(self.published(), [])
                self.assertNotIn(hashlib.sha256(self.files[name]).hexdigest(), self.contents())
        self.hub.faults.corrupt = set()
        self.assert_whole(self.pulled("org/small"), self.files)

    def test_a_partial_file_that_is_wrong_is_fetched_again(self):
        self.hub.faults.busy = []
        name = hashlib.sha256(self.files["model.safetensors"]).hexdigest()
        gate = self.hub.faults.gate = threading.Event()
        process = subprocess.Popen([program.PROGRAM, "pull", "org/small"], env=self.env(),
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.assertTrue(self.hub.half_sent.wait(60))
        partial = self.folder / "cache" / "hyprstream" / "partial" / name
        gate_open = lambda: partial.exists() and partial.stat().st_size >= 1000
        process.send_signal(signal.SIGKILL) if gate_open() else None
        process.kill()
        process.wait()
        gate.set()
        self.hub.faults.gate = None
        if partial.exists() and partial.stat().st_size > 0:
            with partial.open("r+b") as file:
                file.write(b"damage")
        self.assert_whole(self.pulled("org/small"), self.files)

    def test_a_size_that_does_not_hold(self):
        for name in ("model.safetensors", "config.json"):
            with self.subTest(name):
                self.hub.faults.wrong_size = {name}
                self.assertIn("bytes", self.pull("org/small", status=1).err)
                self.assertEqual(self.published(), [])

    def test_a_disk_without_room_is_known_before_anything_is_fetched(self):
        self.hub.faults.claimed_size = 1 << 49
        refused = self.pull("org/small", status=1)
        self.assertIn("no room", refused.err)
        self.assertIn("cache cleanup", refused.err)
        self.assertEqual(sum(self.hub.sent.values()), 0)

    def test_an_address_that_expired_is_asked_for_again(self):
        self.hub.faults.expire = 1
        self.assert_whole(self.pulled("org/small"), self.files)
        self.hub.faults.expire = 1000
        refused = self.pull("org/small", "--force", status=1)
        self.assertIn("403", refused.err)
        self.assertNotIn("secretsignature", refused.err)

    def test_a_busy_hub_is_waited_for(self):
        self.hub.faults.busy = [429, 503, 408]
        self.hub.faults.retry_after = "0"
        self.assert_whole(self.pulled("org/small"), self.files)

    def test_a_hub_that_asks_for_too_much_patience(self):
        self.hub.faults.busy = [429] * 100
        self.hub.faults.retry_after = "86400"
        refused = self.pull("org/small", status=1)
        self.assertIn("86400 seconds", refused.err)
        self.assertEqual(len(self.hub.find()), 1)

    def test_silence_is_not_waited_for_for_ever(self):
        self.hub.faults.silent = 1
        self.assert_whole(self.pulled("org/small", HF_HUB_DOWNLOAD_TIMEOUT=1), self.files)

    def test_slow_bytes_are_no_fault(self):
        self.hub.faults.slow = (30_000, 0.02)
        self.assert_whole(self.pulled("org/small"), self.files)

    def test_nobody_is_led_from_an_encrypted_to_another_scheme(self):
        self.hub.faults.downgrade = "file:///etc/passwd"
        self.assertIn("no web address", self.pull("org/small", status=1).err)
        self.assertEqual(self.published(), [])

    def test_nobody_is_led_to_an_address_with_a_password(self):
        self.hub.faults.downgrade = self.hub.storage_url.replace("//", "//me:word@")
        refused = self.pull("org/small", status=1)
        self.assertIn("no web address", refused.err)
        self.assertNotIn("word", refused.err)
        self.assertEqual(self.hub.find("storage"), [])

    def test_nobody_is_led_in_circles(self):
        for where in ("hub", "storage"):
            with self.subTest(where):
                self.hub.forget()
                self.hub.faults.circle = where
                self.assertIn("in circles", self.pull("org/small", status=1).err)
                self.assertLess(len(self.hub.find()), 60)
                self.assert_nothing_published()

    def test_what_was_compressed_unasked_is_refused(self):
        self.hub.faults.encoding = "gzip"
        self.assertIn("compressed", self.pull("org/small", status=1).err)
        self.assert_nothing_published()

    def test_a_length_that_is_not_the_bodys(self):
        for off in (-1, -200_000, 1, 1 << 40):
            with self.subTest(off):
                self.hub.faults.length_off = off
                refused = self.pull("org/small", "--files", "model.safetensors", status=1)
                self.assertRegex(refused.err, "bytes|broke off")
                self.assert_nothing_published()
        self.hub.faults.length_off = 0
        self.assert_whole(self.pulled("org/small"), self.files)

    def test_content_that_changes_between_a_cut_and_the_rest(self):
        name = "model.safetensors"
        gate = self.hub.faults.gate = threading.Event()
        process = subprocess.Popen([program.PROGRAM, "pull", "org/small"], env=self.env(),
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.assertTrue(self.hub.half_sent.wait(60))
        process.kill()
        process.wait()
        self.hub.faults.gate = None
        gate.set()
        self.commit, self.files = self.small(**{name: bytes(300_000)})
        self.assert_whole(self.pulled("org/small"), self.files)

    def test_pages_that_never_end_do(self):
        self.hub.faults.hide_siblings = True
        self.hub.faults.endless_pages = True
        refused = self.pull("org/small", status=1)
        self.assertIn("circle", refused.err)
        self.assertLess(len(self.hub.find(matching="/tree/")), 3)
        self.assertIn("circle", run("model", "search", "small", "--limit", "1000", status=1,
                                    env=self.env()).err)

    def test_documents_that_are_none(self):
        for document in (b"[" * 10_000, b'{"a":' * 10_000, b"", b"null", b"7", b'"text"', b"{}",
                         b"\xff\xfe", b'{"sha": ["x"]}', b'{"sha": "' + b"0" * 39 + b'"}',
                         b" " * (100 << 20)):
            with self.subTest(document[:20]):
                self.hub.faults.document = document
                self.assertIn("error:", self.pull("org/small", status=1).err)
        self.assertEqual(self.published(), [])

    def test_names_that_are_one_name(self):
        entry = {"rfilename": "config.json", "size": len(self.files["config.json"])}
        self.hub.faults.listing = [entry, entry]
        self.assertIn("one name", self.pull("org/small", "--files", "*", status=1).err)
        self.assertEqual(self.published(), [])

    def test_names_that_differ_in_case_are_two_files(self):
        files = {"a.json": b"{}", "A.json": b"[]", "model.safetensors": noise(20_000)}
        self.hub.add("org/case", files)
        self.assert_whole(self.pulled("org/case", "--files", "*"), files)

    def test_names_that_would_leave_the_folder(self):
        for name in ("../../evil.json", "/etc/evil.json", "a/../../evil", "a\\..\\evil", "a//b",
                     "a\x00b", "a\nb", "a\x7fb", "C:evil", "", ".", "..", "e" * 300, "e/" * 600):
            with self.subTest(name):
                self.hub.faults.listing = [{"rfilename": name, "size": 2}]
                self.assertEqual(self.pull("org/small", "--files", "*", status=1).out, "")
                self.assertEqual(self.published(), [])
        self.assertFalse(list(self.folder.rglob("evil*")))

    def test_documents_and_headers_have_limits(self):
        self.hub.faults.huge_document = True
        self.assertIn("4 MB", self.pull("org/small", status=1).err)
        self.hub.faults.huge_document = False
        self.hub.faults.many_headers = True
        self.assertIn("headers", self.pull("org/small", status=1).err)

    def test_the_listing_stands_in_for_etags_that_say_nothing(self):
        self.hub.faults.odd_etags = True
        self.assert_whole(self.pulled("org/small"), self.files)
        self.hub.faults.corrupt = {"config.json"}
        self.assertIn("git blob", self.pull("org/small", "--force", status=1).err)
        self.hub.faults.listing = [{"rfilename": "config.json"}]
        refused = self.pull("org/small", "--files", "config.json", "--force", status=1)
        self.assertIn("what the file's content is", refused.err)

    def test_a_server_that_is_no_hub(self):
        self.hub.faults.no_commit = True
        self.assertIn("X-Repo-Commit", self.pull("org/small", status=1).err)


class TlsTest(PullCase):
    def setUp(self):
        super().setUp()
        files = [str(self.folder / name) for name in ("certificate.pem", "key.pem")]
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                        "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj",
                        "/CN=hub", "-addext", "subjectAltName=IP:127.0.0.1", "-out", files[0],
                        "-keyout", files[1]], check=True, capture_output=True)
        self.certificate = files[0]
        self.hub = self.enterContext(MockHub(certificate=files))
        self.small()

    def test_nobody_is_led_from_an_encrypted_to_an_open_connection(self):
        refused = self.pull("org/small", status=1, SSL_CERT_FILE=self.certificate)
        self.assertIn("from an encrypted to an open connection", refused.err)
        self.assertFalse(self.hub.find("storage"))
        self.pull("org/small", "--files", "config.json", SSL_CERT_FILE=self.certificate)

    def test_a_certificate_that_nobody_trusts(self):
        refused = self.pull("org/small", status=1)
        self.assertIn("certificate is not trusted", refused.err)
        self.assertEqual(self.hub.find(), [])


class RefusalTest(PullCase):
    """Each says what to do."""

    def test_unknown(self):
        self.assertIn("auth login", self.pull("org/none", status=1).err)
        refused = self.pull("org/none", status=1, HF_TOKEN="hf_goodtokengoodtoken")
        self.assertIn("HF_TOKEN", refused.err)
        self.assertNotIn("hf_goodtokengoodtoken", refused.err)

    def test_unknown_revision(self):
        self.small()
        self.assertIn('no revision "v9"', self.pull("org/small@v9", status=1).err)

    def test_gated(self):
        self.small()
        self.hub.repositories["org/small"].gated = ("friend",)
        stranger = self.pull("org/small", status=1)
        self.assertIn("gated", stranger.err)
        self.assertIn(f"accept them at {self.hub.url}/org/small", stranger.err)
        self.assertIn("auth login", stranger.err)
        somebody = self.pull("org/small", status=1, HF_TOKEN="hf_goodtokengoodtoken")
        self.assertIn("accept them at", somebody.err)
        self.hub.tokens["hf_friendfriendfriend"] = "friend"
        self.pull("org/small", HF_TOKEN="hf_friendfriendfriend")

    def test_disabled(self):
        self.small()
        self.hub.repositories["org/small"].disabled = True
        self.assertIn("disabled", self.pull("org/small", status=1).err)

    def test_private_with_a_bad_token(self):
        self.small()
        self.hub.repositories["org/small"].private = True
        refused = self.pull("org/small", status=1, HF_TOKEN="hf_badbadbadbadbad")
        self.assertIn("HF_TOKEN", refused.err)
        self.assertNotIn("hf_badbadbadbadbad", refused.err)

    def test_no_hub_there(self):
        self.assertIn("cannot be reached",
                      self.pull("org/x", status=1, HF_ENDPOINT="http://127.0.0.1:1").err)

    def test_offline_opens_no_socket(self):
        self.small()
        refused = self.pull("org/small", status=1, HF_HUB_OFFLINE=1)
        self.assertIn("HF_HUB_OFFLINE", refused.err)
        self.assertEqual(self.hub.find(), [])

    def test_what_is_no_reference(self):
        for text in ("hf://../x", "hf://a/b/c", "willowbrook", "./x", "hf://org\\x"):
            self.pull(text, status=1)
        self.assertEqual(self.hub.find(), [])

    def test_errors_as_json(self):
        refused = self.pull("org/none", "--json", status=1).json()
        self.assertEqual(refused["error"]["code"], "not_found")


if __name__ == "__main__":
    program.main()
