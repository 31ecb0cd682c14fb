"""An Ollama registry on two ports of this machine: the registry, and the storage that it redirects
blobs to. Real sockets, standard library only. What it does wrong is chosen with `faults`.

    with MockOllama() as registry:
        registry.add("library/tale:1b", {"model": gguf, "system": b"Be brief."})
        ... OLLAMA_HOST=registry.url ...
"""

import base64
import hashlib
import http.server
import json
import pathlib
import re
import subprocess
import tempfile
import threading
import urllib.parse

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


def make_key(path):
    """A new Ed25519 key at `path`, as OpenSSH writes it; returns its public text."""
    der = subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-outform", "DER"],
                         check=True, capture_output=True).stdout
    public = subprocess.run(["openssl", "pkey", "-inform", "DER", "-pubout", "-outform", "DER"],
                            input=der, check=True, capture_output=True).stdout[-32:]
    def field(data):
        return len(data).to_bytes(4, "big") + data
    blob = field(b"ssh-ed25519") + field(public)
    secret = b"\1\2\3\4" * 2 + blob + field(der[-32:] + public) + field(b"somebody")
    secret += bytes(range(1, 1 + -len(secret) % 8))
    text = base64.b64encode(b"openssh-key-v1\0" + field(b"none") * 2 + field(b"")
                            + (1).to_bytes(4, "big") + field(blob) + field(secret)).decode()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("-----BEGIN OPENSSH PRIVATE KEY-----\n"
                    + "".join(text[i:i + 70] + "\n" for i in range(0, len(text), 70))
                    + "-----END OPENSSH PRIVATE KEY-----\n")
    path.chmod(0o600)
    return base64.b64encode(blob).decode()


def is_signed(public, signature, message):
    """By OpenSSL. `public`: as make_key returns it."""
    prefix = bytes.fromhex("302a300506032b6570032100")  # RFC 8410: an Ed25519 key follows
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        (folder / "key").write_bytes(prefix + base64.b64decode(public)[-32:])
        (folder / "signature").write_bytes(signature)
        (folder / "message").write_bytes(message)
        return subprocess.run(
            ["openssl", "pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-inkey",
             folder / "key", "-rawin", "-in", folder / "message", "-sigfile",
             folder / "signature"], capture_output=True).returncode == 0


class Faults:
    def __init__(self):
        self.cut_after = None      # bytes of each body before the connection is cut
        self.cuts = 1_000_000
        self.corrupt = set()       # digests sent with a flipped byte
        self.status = None         # of manifests
        self.busy = []             # statuses of blobs answered first
        self.ignore_range = False
        self.realm = None          # of challenges, instead of the registry's own
        self.token_uses = None     # a token is good for so many requests
        self.token_document = None  # instead of one with a token


class MockOllama(MockServers):
    def __init__(self):
        self.faults = Faults()
        self.manifests = {}
        self.blobs = {}
        self.private = set()  # "namespace/model": only for owners
        self.owners = set()   # public texts of keys
        self.tokens = {}      # token -> uses left, or None
        self.nonces = set()
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

        def allowed(self, name):
            """Answers with a challenge when not."""
            if name not in mock.private:
                return True
            token = self.headers.get("Authorization", "").removeprefix("Bearer ")
            with mock.lock:
                if token in mock.tokens:
                    left = mock.tokens[token]
                    if left is None or left > 0:
                        mock.tokens[token] = left if left is None else left - 1
                        return True
            realm = mock.faults.realm or mock.url + "/token"
            self.reply(401, b"{}", [("WWW-Authenticate", f'Bearer realm="{realm}",service="'
                                     f'{mock.host}",scope="repository:{name}:pull"')])
            return False

        def token(self, query):
            asked = dict(urllib.parse.parse_qsl(query))
            public, _, signature = self.headers.get("Authorization", "").partition(":")
            empty = base64.b64encode(hashlib.sha256().hexdigest().encode()).decode()
            message = f"GET,{mock.url}{self.path},{empty}".encode()
            good = (public in mock.owners and asked["nonce"] not in mock.nonces
                    and len(base64.urlsafe_b64decode(asked["nonce"] + "==")) == 16
                    and asked["ts"].isdigit() and asked["service"] == mock.host
                    and re.fullmatch(r"repository:[^:]+:pull", asked["scope"])
                    and is_signed(public, base64.b64decode(signature), message))
            if not good:
                return self.reply(401, b'{"error": "unknown key"}')
            mock.nonces.add(asked["nonce"])
            token = f"token-{len(mock.tokens)}"
            mock.tokens[token] = mock.faults.token_uses
            self.reply(200, mock.faults.token_document or json.dumps({"token": token}).encode())

        def registry(self):
            if self.path.startswith("/token?"):
                return self.token(self.path.partition("?")[2])
            model = re.match(r"/v2/([^/]+/[^/]+)/", self.path)
            if model and not self.allowed(model.group(1)):
                return None
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
            if "Authorization" in self.headers:
                return self.reply(400)
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
