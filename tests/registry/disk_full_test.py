"""A disk that is full, or becomes full: a clear error, nothing under a final name that is not whole, and
everything goes on once there is room."""

import subprocess
import threading

from pulling import PullCase, noise, program
from program import WILLOWBROOK
from small_disk import SmallDisk

PAGE = 4096


class DiskCase(PullCase):
    megabytes = 16

    def setUp(self):
        super().setUp()
        place = self.folder / "disk"
        place.mkdir()
        self.disk = self.enterContext(SmallDisk(place, self.megabytes))
        self.folder = place  # the program's home

    def start(self, *arguments):
        return subprocess.Popen([*self.disk.enter, program.PROGRAM, *map(str, arguments)],
                                env=self.env(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True)

    def do(self, *arguments, status=0):
        process = self.start(*arguments)
        out, err = process.communicate(timeout=120)
        if status is not None:
            self.assertEqual(process.returncode, status, out + err)
        return process.returncode, out, err

    @property
    def models(self):
        return self.disk.seen / "data" / "hyprstream" / "models"

    def assert_says_full(self, error):
        self.assertRegex(error, "No space left on device|no room|disk is full")


class PullTest(DiskCase):
    def setUp(self):
        super().setUp()
        self.commit, self.files = self.small("org/m", **{"model.safetensors": noise(6 << 20)})
        self.bytes = sum(map(len, self.files.values()))

    def assert_pulls(self):
        self.do("pull", "org/m")
        place = self.models / "hf" / "org" / "m" / self.commit
        self.assertEqual({p.name: p.read_bytes() for p in place.iterdir()}, self.files)

    def test_it_becomes_full_in_the_middle(self):
        gate = self.hub.faults.gate = threading.Event()
        process = self.start("pull", "org/m")
        self.assertTrue(self.hub.half_sent.wait(60))
        with self.disk.only(PAGE):
            gate.set()
            _, err = process.communicate(timeout=120)
            self.assertEqual(process.returncode, 1, err)
            self.assert_says_full(err)
            self.assertIn("pull again", err)
            self.assert_what_is_there_is_whole()
        self.hub.faults.gate = None
        self.hub.forget()
        self.assert_pulls()
        self.assertLess(self.hub.sent["storage"], len(self.files["model.safetensors"]))

    def assert_what_is_there_is_whole(self, published=()):
        """A model that is there has all its files, and only the branch's name is missing."""
        names = {p.rsplit("/", 1)[1] for p in self.published()}
        self.assertIn(names, (set(published), set()))
        for path in (self.models / ".blobs").glob("*"):
            self.assertIn(path.read_bytes(), self.files.values())

    def test_there_is_room_for_the_files_but_not_for_what_keeps_them(self):
        refused = 0
        for left in range(0, 40 * PAGE, 4 * PAGE):
            with self.subTest(left):
                with self.disk.only(self.bytes + left):
                    status, _, err = self.do("pull", "org/m", status=None)
                    if status != 0:
                        refused += 1
                        self.assertEqual(status, 1, err)
                        self.assert_says_full(err)
                        self.assert_what_is_there_is_whole(self.files)
                self.assert_pulls()
                self.do("rm", "org/m", "--yes")
                self.do("model", "cache", "cleanup", "--yes")
        self.assertGreater(refused, 0)

    def test_a_full_disk_is_made_room_on(self):
        self.assert_pulls()
        for left in (0, PAGE, 16 * PAGE):
            with self.subTest(left), self.disk.only(left):
                self.assertIn("org/m", self.do("model", "list")[1])
                self.do("rm", "org/m", "--yes")
                self.assertEqual(self.published(), [])
                self.assertGreater(self.disk.room(), 6 << 20)
            self.assert_pulls()


class ConvertTest(DiskCase):
    megabytes = 40

    def convert(self, output, *flags, status=None):
        return self.do("model", "convert", WILLOWBROOK, self.folder / output, *flags,
                       status=status)

    def left_behind(self):
        """Hidden leftovers, if any, go with the next conversion; a final name is never among them."""
        return sorted(p.name for p in self.disk.seen.iterdir()
                      if p.name != "filler" and not p.name.startswith("."))

    def test_an_output_appears_whole_or_not_at_all(self):
        for output, flags in (("m.gguf", []), ("m.gguf", ["--shard-size", "4M"]),
                              ("m.gguf", ["--quantize", "q8_0"]),
                              ("folder", ["--to", "safetensors"]),
                              ("folder", ["--to", "safetensors", "--shard-size", "4M"])):
            self.convert(output, *flags, status=0)
            made = sum(p.stat().st_size for p in self.disk.seen.rglob("*") if p.is_file())
            names = self.left_behind()
            for path in sorted(self.disk.seen.rglob("*"), reverse=True):
                path.rmdir() if path.is_dir() else path.unlink()
            refused = 0
            for left in (0, made // 3, made - 300_000, made - 200_000, made - 65_536, made - 1,
                         made + 30 * PAGE):
                with self.subTest(output=output, flags=flags, left=left):
                    with self.disk.only(left):
                        status, _, err = self.convert(output, *flags)
                        if status != 0:
                            refused += 1
                            self.assertEqual(status, 1, err)
                            self.assert_says_full(err)
                            self.assertEqual(self.left_behind(), [])
                        else:
                            self.assertEqual(self.left_behind(), names)
                    self.convert(output, *flags, "--force", status=0)
                    self.assertEqual(self.left_behind(), names)
                    for path in sorted(self.disk.seen.rglob("*"), reverse=True):
                        path.rmdir() if path.is_dir() else path.unlink()
            self.assertGreaterEqual(refused, 3)
            self.assertLess(refused, 7)

    def test_what_is_there_stays_when_the_new_one_finds_no_room(self):
        self.convert("m.gguf", "--quantize", "q8_0", status=0)
        path = self.disk.seen / "m.gguf"
        before = path.read_bytes()
        for left in (0, 11_500_000, 11_600_000):
            with self.subTest(left), self.disk.only(left):
                status, _, err = self.convert("m.gguf", "--force")
                self.assertEqual(status, 1)
                self.assert_says_full(err)
                self.assertEqual(path.read_bytes(), before)


if __name__ == "__main__":
    program.main()
