"""An Ollama registry on two ports of this machine: the registry, and the storage that it redirects
blobs to. Real sockets, standard library only. What it does wrong is chosen with `faults`.

    with MockOllama() as registry:
        registry.add("library/tale:1b", {"model": gguf, "system": b"Be brief."})
        ... OLLAMA_HOST=registry.url ...
"""

import hashlib
import http.server
import json
import pathlib
import re
import threading

from mock_servers import MockServers, serve

IMAGE = "application/vnd.ollama.image."
MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"


def digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def manifest_of(layers, config=b"{}"):
    """`layers`: kind -> bytes, or a list of (kind, bytes)."""
    pairs = layers.items() if isinstance(layers, dict) else layers
    return json.dumps({
        "schemaVersion": 2, "mediaType": MANIFEST,
        "config": {"mediaType": "application/vnd.docker.container.image.v1+json",
                   "digest": digest(config), "size": len(config)},
        "layers": [{"mediaType": IMAGE + kind, "digest": digest(data), "size": len(data)}
                   for kind, data in pairs]}).encode()


def write_store(folder, name, layers, host="registry.ollama.ai", namespace="library"):
    """What a local Ollama has on its disk."""
    model, tag = name.split(":")
    folder = pathlib.Path(folder)
    (folder / "blobs").mkdir(parents=True, exist_ok=True)
    pairs = layers.items() if isinstance(layers, dict) else layers
    for data in [b"{}"] + [d for _, d in pairs]:
        (folder / "blobs" / digest(data).replace(":", "-")).write_bytes(data)
    manifest = folder / "manifests" / host / namespace / model / tag
    manifest.parent.mkdir(parents=True, exist_ok=True)
    manifest.write_bytes(manifest_of(layers))
    return manifest


class Faults:
    def __init__(self):
        self.cut_after = None      # bytes of each body before the connection is cut
        self.cuts = 1_000_000
        self.corrupt = set()       # digests sent with a flipped byte
        self.status = None         # of manifests
        self.busy = []             # statuses of blobs answered first
        self.ignore_range = False


class MockOllama(MockServers):
    def __init__(self):
        self.faults = Faults()
        self.manifests = {}
        self.blobs = {}
        self.requests = []  # (port name, method, path, headers)
        self.sent = 0       # bytes of blobs
        self.lock = threading.Lock()
        self._servers = [_server(self, "registry"), _server(self, "storage")]
        self.host = "127.0.0.1:%d" % self._servers[0].server_port
        self.url = "http://" + self.host
        self.storage_url = "http://127.0.0.1:%d" % self._servers[1].server_port

    def add(self, name, layers, manifest=None):
        pairs = layers.items() if isinstance(layers, dict) else layers
        for data in [b"{}"] + [d for _, d in pairs]:
            self.blobs[digest(data)] = data
        self.manifests[name] = manifest or manifest_of(layers)


def _server(mock, port):
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_):
            pass

        def reply(self, status, body=b"", headers=()):
            self.send_response(status)
            for name, value in headers:
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def do_HEAD(self):
            self.do_GET()

        def do_GET(self):
            with mock.lock:
                mock.requests.append((port, self.command, self.path, dict(self.headers)))
            if port == "registry":
                self.registry()
            else:
                self.storage()

        def registry(self):
            found = re.fullmatch(r"/v2/([^/]+)/([^/]+)/manifests/([^/]+)", self.path)
            if found:
                if mock.faults.status:
                    return self.reply(mock.faults.status, b'{"errors":[]}')
                if MANIFEST not in self.headers.get("Accept", ""):
                    return self.reply(406)
                body = mock.manifests.get("%s/%s:%s" % found.groups())
                return self.reply(404 if body is None else 200, body or b"",
                                  [("Content-Type", MANIFEST)])
            found = re.fullmatch(r"/v2/[^/]+/[^/]+/blobs/(sha256:[0-9a-f]{64})", self.path)
            if not found or found.group(1) not in mock.blobs:
                return self.reply(404)
            with mock.lock:
                if mock.faults.busy:
                    return self.reply(mock.faults.busy.pop(0), headers=[("Retry-After", "0")])
            self.reply(307, headers=[("Location", f"{mock.storage_url}/{found.group(1)}?signed=1")])

        def storage(self):
            name = self.path[1:].split("?")[0]
            data = mock.blobs.get(name)
            if data is None or not self.path.endswith("?signed=1"):
                return self.reply(403)
            if name in mock.faults.corrupt:
                data = bytes([data[0] ^ 1]) + data[1:]
            begin, end, status = 0, len(data), 200
            asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
            if asked and not mock.faults.ignore_range:
                begin = int(asked.group(1))
                end = min(end, int(asked.group(2)) + 1) if asked.group(2) else end
                if begin >= len(data):
                    return self.reply(416)
                status = 206
            body = data[begin:end]
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            if status == 206:
                self.send_header("Content-Range", f"bytes {begin}-{end - 1}/{len(data)}")
            self.end_headers()
            if self.command == "HEAD":
                return
            cut = None
            with mock.lock:
                if mock.faults.cut_after is not None and mock.faults.cuts > 0 and \
                        len(body) > mock.faults.cut_after:
                    mock.faults.cuts -= 1
                    cut = mock.faults.cut_after
                mock.sent += len(body[:cut])
            self.wfile.write(body[:cut])
            if cut is not None:
                self.close_connection = True

    return serve(Handler)
