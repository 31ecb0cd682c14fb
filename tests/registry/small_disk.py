"""A disk of a few megabytes that no other process sees: a tmpfs in a mount namespace of its own. The
program runs inside, the test looks in from outside. Linux with `unshare` and `nsenter`, as root or where
everybody may have namespaces of his own."""

import contextlib
import os
import pathlib
import shutil
import subprocess
import unittest


class SmallDisk:
    """Mounted at `place`, an empty folder, from `with` to its end."""

    def __init__(self, place, megabytes):
        self.place, self.size = pathlib.Path(place), megabytes << 20

    def __enter__(self):
        if not shutil.which("unshare") or not shutil.which("nsenter"):
            raise unittest.SkipTest("no unshare and nsenter")
        own = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
        self.holder = subprocess.Popen(
            ["unshare", "--mount", *own, "sh", "-c",
             'mount -t tmpfs -o size="$1" tmpfs "$2" && echo ready && exec cat', "sh",
             str(self.size), self.place], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True)
        if self.holder.stdout.readline() != "ready\n":
            why = self.holder.communicate()[1].strip()
            raise unittest.SkipTest("no mount namespace: " + why)
        self.enter = ["nsenter", f"--target={self.holder.pid}", "--mount",
                      *(["--user", "--preserve-credentials"] if own else []), "--"]
        return self

    def __exit__(self, *_):
        self.holder.communicate()  # the end of its input ends it, and the disk with it

    @property
    def seen(self):
        """Where `place` is for who is outside."""
        return pathlib.Path(f"/proc/{self.holder.pid}/root{self.place}")

    def room(self):
        status = os.statvfs(self.seen)
        return status.f_bavail * status.f_frsize

    @contextlib.contextmanager
    def only(self, left):
        """All but `left` bytes are taken, from `with` to its end."""
        path = self.seen / "filler"
        with path.open("wb") as file:
            while self.room() > left:
                with contextlib.suppress(OSError):  # another writer was faster
                    os.posix_fallocate(file.fileno(), 0, file.seek(0, 2) + self.room() - left)
        try:
            yield
        finally:
            path.unlink()
