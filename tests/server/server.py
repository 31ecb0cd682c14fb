"""Starts the program under test as a server and talks to it over plain sockets. Standard library
only."""

import http.client
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
WILLOWBROOK = ROOT / "models" / "willowbrook"
PROGRAM = ""
REHEARSED = None  # by `rehearse`
DEADLINE = 60  # seconds until something that should happen is given up


def clean_environment(home, **extra):
    kept = {k: v for k, v in os.environ.items()
            if not k.startswith(("HYPRSTREAM_", "OPENAI_", "OLLAMA_"))}
    kept["XDG_CONFIG_HOME"] = tempfile.gettempdir() + "/no-such-configuration"
    kept["HYPRSTREAM_DATA"] = str(home)
    kept.update(extra)
    return kept


class Server:
    """A running server. `with Server() as server:`; stops it with SIGTERM."""

    def __init__(self, *arguments, model=WILLOWBROOK, env=None, home=None):
        self.folder = None
        if home is None:
            self.folder = tempfile.TemporaryDirectory(prefix="hyprstream_server_")
            home = self.folder.name
        self.home = pathlib.Path(home)
        self.arguments = [PROGRAM, "serve", "--model", str(model), "--port", "0",
                          *map(str, arguments)]
        self.env = clean_environment(self.home, **(env or {}))
        self.process = None
        self.log = ""

    def __enter__(self):
        self.process = subprocess.Popen(self.arguments, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True, env=self.env, cwd=ROOT)
        line = self.process.stdout.readline()
        found = re.search(r"listening on (https?)://(.*):(\d+)", line)
        if not found:
            self.process.kill()
            raise AssertionError(f"the server did not start: {line}{self.process.stderr.read()}")
        self.scheme, self.host, port = found.groups()
        self.port = int(port)
        self.reader = threading.Thread(target=self._read_log, daemon=True)
        self.reader.start()
        return self

    def _read_log(self):
        for line in self.process.stderr:
            self.log += line

    def __exit__(self, *_):
        self.stop()
        if self.folder:
            self.folder.cleanup()

    def stop(self):
        """Returns the exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(DEADLINE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        self.reader.join(DEADLINE)
        self.process.stdout.close()
        self.process.stderr.close()
        return status

    @property
    def url(self):
        return f"{self.scheme}://{self.host}:{self.port}"

    def request(self, method, path, body=None, headers=None):
        """(status, headers with lower-case names, body as bytes)."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=DEADLINE)
        try:
            data = body if body is None or isinstance(body, (bytes, str)) else json.dumps(body)
            connection.request(method, path, data, headers or {})
            answer = connection.getresponse()
            names = {k.lower(): v for k, v in answer.getheaders()}
            return answer.status, names, answer.read()
        finally:
            connection.close()

    def get(self, path, **headers):
        status, _, body = self.request("GET", path, headers=headers)
        return status, json.loads(body)

    def post(self, path, body, **headers):
        status, _, answer = self.request("POST", path, body, headers)
        return status, json.loads(answer)

    def chat(self, text, **fields):
        body = {"model": "willowbrook", "messages": [{"role": "user", "content": text}],
                "temperature": 0, **fields}
        status, answer = self.post("/v1/chat/completions", body)
        if status != 200:
            raise AssertionError(answer)
        return answer

    def connect(self):
        return socket.create_connection((self.host, self.port), timeout=DEADLINE)

    def events(self, path, body):
        """The data of server-sent events, parsed; "[DONE]" as it is."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=DEADLINE)
        try:
            connection.request("POST", path, json.dumps(body))
            answer = connection.getresponse()
            if answer.status != 200:
                raise AssertionError(answer.read())
            for block in answer.read().decode().split("\n\n"):
                if block:
                    data = block.removeprefix("data: ")
                    yield data if data == "[DONE]" else json.loads(data)
        finally:
            connection.close()


def rehearse():
    """Draws once for a whole module what the base must not forget, which takes seconds; to be cleaned up."""
    global REHEARSED
    REHEARSED = tempfile.TemporaryDirectory()
    with Server("--train-min-samples", 1, home=REHEARSED.name) as running:
        running.post("/v1/adapters", {"name": "first"})
        running.post("/v1/adapters/first/training", {"state": "running"})
        running.post("/v1/adapters/first/samples", {"input": "Who?", "output": "Nobody."})
        until(lambda: running.get("/v1/adapters/first/versions")[1]["data"])
    return REHEARSED


def rehearsed_home(folder):
    """A new data folder inside `folder`, whose base has rehearsed."""
    home = pathlib.Path(folder) / "home"
    shutil.copytree(pathlib.Path(REHEARSED.name) / "rehearsal", home / "rehearsal")
    return home


def until(condition):
    """Waits for it; fails at the deadline."""
    end = time.monotonic() + DEADLINE
    while not condition():
        if time.monotonic() > end:
            raise AssertionError("it did not happen in time")
        time.sleep(0.01)


def main():
    at = sys.argv.index("--program")
    sys.modules["server"].PROGRAM = sys.argv[at + 1]
    del sys.argv[at:at + 2]
    unittest.main()
