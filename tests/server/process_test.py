"""The server as a process: in the background, its PID file, its service manager, its logs, its end."""

import json
import os
import pathlib
import signal
import socket
import subprocess
import tempfile
import unittest
import urllib.request

import server
from server import DEADLINE, Server, WILLOWBROOK, clean_environment, until


def serve(home, *arguments, port=0, **extra):
    return subprocess.run([server.PROGRAM, "serve", "--model", str(WILLOWBROOK),
                           "--port", str(port), *map(str, arguments)], capture_output=True, text=True,
                          timeout=DEADLINE, env=clean_environment(home, **extra))


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        return file.read().rsplit(")", 1)[1].split()[0] != "Z"


def heaps_of_threads(pid):
    """glibc reserves 64 MiB for each heap beside the first, and uses their begin."""
    ranges = []
    for line in pathlib.Path(f"/proc/{pid}/maps").read_text(encoding="ascii").splitlines():
        addresses, access = line.split()[:2]
        begin, end = (int(address, 16) for address in addresses.split("-"))
        ranges.append((begin, end, access))
    return sum(used[2] == "rw-p" and rest[2] == "---p" and used[1] == rest[0]
               and rest[1] - used[0] == 64 << 20 for used, rest in zip(ranges, ranges[1:]))


class ProcessTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def test_goes_into_the_background(self):
        pid_file, log = self.folder / "pid", self.folder / "log"
        started = serve(self.folder, "--detach", "--pid-file", pid_file, "--log-file", log)
        self.assertEqual(started.returncode, 0, started.stderr)
        url = started.stdout.split()[-1]
        self.assertTrue(url.startswith("http://127.0.0.1:"))
        pid = int(pid_file.read_text())
        try:
            with urllib.request.urlopen(url + "/health", timeout=DEADLINE) as answer:
                self.assertEqual(json.load(answer), {"status": "ok"})
            again = serve(self.folder, "--pid-file", pid_file)
            self.assertEqual(again.returncode, 1)
            self.assertIn(str(pid), again.stderr)
        finally:
            os.kill(pid, signal.SIGTERM)
        until(lambda: not alive(pid))
        self.assertFalse(pid_file.exists())
        self.assertIn("route=/health status=200", log.read_text())

    def test_a_failure_in_the_background_is_told(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            failed = serve(self.folder, "--detach", port=taken.getsockname()[1])
        self.assertEqual(failed.returncode, 1)
        self.assertIn("cannot listen", failed.stderr)

    def test_a_left_over_pid_file_is_replaced(self):
        pid_file = self.folder / "pid"
        pid_file.write_text("999999999\n")
        with Server("--pid-file", pid_file) as running:
            self.assertEqual(int(pid_file.read_text()), running.process.pid)
        self.assertFalse(pid_file.exists())

    def test_its_threads_share_one_heap(self):
        with Server() as running:
            running.chat("Who is there?")
            self.assertEqual(heaps_of_threads(running.process.pid), 0)
        with Server(env={"MALLOC_ARENA_MAX": "8"}) as running:
            running.chat("Who is there?")
            self.assertGreater(heaps_of_threads(running.process.pid), 0)

    def test_tells_the_service_manager(self):
        path = self.folder / "notify"
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.bind(str(path))
            manager.settimeout(DEADLINE)
            with Server(env={"NOTIFY_SOCKET": str(path)}):
                self.assertEqual(manager.recv(100), b"READY=1")
            self.assertEqual(manager.recv(100), b"STOPPING=1")

    def test_logs_no_prompts(self):
        with Server("--log-format", "json") as running:
            running.chat("Who is the xylophonist?")
            running.get("/v1/models/secret-name")
            running.post("/v1/chat/completions", '{"model": "unspeakable')
        lines = [json.loads(line) for line in running.log.splitlines() if line.startswith("{")]
        self.assertEqual([line["status"] for line in lines], [200, 404, 400])
        self.assertGreater(lines[0]["completion_tokens"], 0)
        self.assertEqual(lines[0]["route"], "/v1/chat/completions")
        for word in ("xylophonist", "secret-name", "unspeakable"):
            self.assertNotIn(word, running.log)

    def test_is_not_ready_while_it_ends(self):
        running = Server().__enter__()
        kept = running.connect()
        self.assertEqual(running.get("/ready")[0], 200)
        body = json.dumps({"model": "willowbrook", "stream": True, "ignore_eos": True,
                           "max_tokens": 500, "messages": [{"role": "user", "content": "Tell."}]})
        kept.sendall((f"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n"
                      f"Content-Length: {len(body)}\r\n\r\n{body}").encode())
        kept.recv(100)
        running.process.send_signal(signal.SIGTERM)
        def refused():
            try:
                return running.request("GET", "/ready")[0] == 503
            except OSError:
                return True
        until(refused)
        data = b"x"
        while data:
            last, data = data, kept.recv(65536)
        self.assertTrue(last.endswith(b"0\r\n\r\n"))
        kept.close()
        self.assertEqual(running.process.wait(DEADLINE), 0)
        running.__exit__()

    def test_ends_at_once_when_nobody_waits(self):
        running = Server("--drain-timeout", 3600).__enter__()
        idle = running.connect()
        self.assertEqual(running.stop(), 0)
        idle.close()
        running.__exit__()

    def test_wrong_usage(self):
        self.assertEqual(serve(self.folder, port=70000).returncode, 2)
        for arguments in (("--train-share", "2"), ("--lora", "nonsense"),
                          ("--lora-root", "/nowhere"), ("--tls-cert", "x")):
            failed = serve(self.folder, *arguments)
            self.assertEqual(failed.returncode, 2, (arguments, failed.stderr))


if __name__ == "__main__":
    server.main()
