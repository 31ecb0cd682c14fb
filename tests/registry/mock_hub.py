"""A Hugging Face Hub on two ports of this machine: one is the hub, the other the storage that it
redirects large files to. Real sockets, standard library only. What it does wrong is chosen with
`faults`; what it was asked is in `requests`.

    with MockHub() as hub:
        commit = hub.add("org/name", {"config.json": b"{}", "model.safetensors": weights})
        hub.faults.cut_after = 1000
        ... HF_ENDPOINT=hub.url ...

Faithful where clients look: huggingface_hub downloads from it (hub_client_test.py).
"""

import base64
import hashlib
import http.server
import json
import re
import socket
import ssl
import threading
import time
import urllib.parse

from mock_servers import MockServers, serve

LFS_FROM = 10_000  # larger files lie in the storage
SIGNATURE = "X-Amz-Signature"


def git_blob(data):
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


class File:
    def __init__(self, data):
        self.data = data
        self.sha256 = hashlib.sha256(data).hexdigest()
        self.git_sha1 = git_blob(data)
        self.lfs = len(data) >= LFS_FROM

    @property
    def etag(self):
        return self.sha256 if self.lfs else self.git_sha1


class Repository:
    def __init__(self, name):
        self.name = name
        self.commits = {}  # commit -> {path: File}
        self.refs = {}
        self.private = False
        self.gated = False
        self.disabled = False
        self.task = "text-generation"


class Faults:
    """All off at first. Counters go down as they are used."""

    def __init__(self):
        self.cut_after = None      # bytes of each body that are sent before the connection is cut
        self.cuts = 1_000_000      # how often
        self.corrupt = set()       # paths whose content is sent with a flipped byte
        self.ignore_range = False
        self.bad_range = False     # another part than asked for
        self.range_416 = 0         # so many ranged requests are answered so
        self.expire = 0            # so many addresses are refused as expired
        self.busy = []             # statuses answered first, e.g. [429, 503]
        self.retry_after = None    # with them
        self.slow = None           # (bytes, seconds): a pause after so many bytes
        self.silent = 0            # so many bodies stop in the middle and say nothing more
        self.claimed_size = None   # what every large file is said to have
        self.wrong_size = set()    # paths announced one byte too long
        self.odd_etags = False     # that say nothing of the content
        self.no_commit = False
        self.page_size = None      # of listings
        self.hide_siblings = False  # so that clients read the tree
        self.next_elsewhere = False  # the next page is on the other host
        self.listing = None        # replaces the siblings
        self.downgrade = None      # Location of large files
        self.circle = None         # "hub" or "storage": each file is elsewhere on the same host
        self.encoding = None       # Content-Encoding of bodies of files
        self.length_off = 0        # added to the Content-Length of bodies of files
        self.document = None       # the model's document
        self.endless_pages = False
        self.redirect_small = False  # small files too are sent from the storage, but not for HEAD
        self.huge_document = False
        self.many_headers = False
        self.rename = {}           # old name -> new name, by relative redirects
        self.busy_puts = 0         # so many uploads are refused at first
        self.multipart = None      # uploads of LFS files come in parts of so many bytes
        self.gate = None           # an Event; bodies wait for it once half is sent


class MockHub(MockServers):
    def __init__(self, certificate=None):
        """`certificate`: (certificate file, key file); the hub, not the storage, speaks TLS then."""
        self.repositories = {}
        self.faults = Faults()
        self.tokens = {"hf_goodtokengoodtoken": "somebody"}
        self.requests = []  # (port name, method, path, headers)
        self.sent = {"hub": 0, "storage": 0}  # bytes of bodies of files
        self.uploads = {}
        self.lock = threading.Lock()
        self.half_sent = threading.Event()
        self._servers = [_server(self, "hub"), _server(self, "storage")]
        self.url = "http://127.0.0.1:%d" % self._servers[0].server_port
        self.storage_url = "http://127.0.0.1:%d" % self._servers[1].server_port
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            self._servers[0].socket = context.wrap_socket(
                self._servers[0].socket, server_side=True, do_handshake_on_connect=False)
            self.url = self.url.replace("http:", "https:")

    def add(self, name, files, ref="main"):
        """A commit with these files; returns its name."""
        repository = self.repositories.setdefault(name, Repository(name))
        commit = hashlib.sha1(repr((name, sorted((p, git_blob(d)) for p, d in files.items())))
                              .encode()).hexdigest()
        repository.commits[commit] = {path: File(data) for path, data in files.items()}
        repository.refs[ref] = commit
        return commit

    def find(self, kind=None, method=None, matching=""):
        with self.lock:
            return [r for r in self.requests if (kind is None or r[0] == kind)
                    and (method is None or r[1] == method) and matching in r[2]]

    def forget(self):
        with self.lock:
            self.requests.clear()
            self.sent = {"hub": 0, "storage": 0}


def _server(hub, kind):
    class Handler(_Handler):
        pass
    Handler.hub, Handler.kind = hub, kind

    return serve(Handler)


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub = kind = None

    def setup(self):
        super().setup()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def log_message(self, *_):
        pass

    # --- answers ---

    def answer(self, status, body=b"", headers=None, length=None):
        if isinstance(body, (dict, list)):
            body = json.dumps(body).encode()
        self.send_response(status)
        for key, value in (headers or {}).items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        if self.hub.faults.many_headers:
            for i in range(2000):
                self.send_header("X-Filler-%d" % i, "x" * 60)
        self.end_headers()
        if self.command != "HEAD" and body:
            self.wfile.write(body)

    def refuse(self, status, code=None, message=None, headers=None):
        fields = dict(headers or {})
        if code:
            fields["X-Error-Code"] = code
        if message:
            fields["X-Error-Message"] = message
        fields["X-Request-Id"] = "Root=1-abc"
        self.answer(status, {"error": message or "refused"}, fields)

    def handle_one(self):
        hub, faults = self.hub, self.hub.faults
        with hub.lock:
            hub.requests.append((self.kind, self.command, self.path, dict(self.headers)))
            busy = faults.busy.pop(0) if faults.busy else None
        if busy:
            headers = {} if faults.retry_after is None else {"Retry-After": faults.retry_after}
            return self.refuse(busy, headers=headers)
        url = urllib.parse.urlsplit(self.path)
        path = urllib.parse.unquote(url.path)
        query = urllib.parse.parse_qs(url.query)
        if self.kind == "storage":
            return self.storage(path, query)
        return self.api(path, url.path, query)

    do_GET = do_HEAD = do_POST = do_PUT = handle_one

    # --- the hub ---

    def account(self):
        header = self.headers.get("Authorization", "")
        return self.hub.tokens.get(header.removeprefix("Bearer ")) if header else None

    def allowed(self, repository):
        if repository is None:
            # The hub tells a stranger nothing about what is private.
            self.refuse(404 if self.account() else 401,
                        "RepoNotFound" if self.account() else None, "Repository not found")
            return False
        if repository.disabled:
            self.refuse(403, None, "Access to this resource is disabled.")
            return False
        if repository.private and not self.account():
            self.refuse(401, "RepoNotFound", "Repository not found")
            return False
        return True

    def gated(self, repository):
        if not repository.gated or self.account() in (repository.gated or ()):
            return False
        self.refuse(403 if self.account() else 401, "GatedRepo",
                    f"Access to model {repository.name} is restricted.")
        return True

    def api(self, path, raw, query):
        if path == "/api/whoami-v2":
            account = self.account()
            if not account:
                return self.refuse(401, None, "Invalid username or password.")
            return self.answer(200, {"type": "user", "name": account,
                                     "auth": {"accessToken": {"role": "write"}}})
        if path == "/api/models":
            return self.search(query)
        match = re.fullmatch(r"/api/models/([^/]+/[^/]+|[^/]+)", raw)
        if match:
            return self.info(urllib.parse.unquote(match[1]), "main")
        match = re.fullmatch(r"/api/models/(.+?)/revision/([^/]+)", raw)
        if match:
            return self.info(urllib.parse.unquote(match[1]), urllib.parse.unquote(match[2]))
        match = re.fullmatch(r"/api/models/(.+?)/tree/([^/]+)(/.*)?", raw)
        if match:
            return self.tree(urllib.parse.unquote(match[1]), urllib.parse.unquote(match[2]), query)
        match = re.fullmatch(r"/(.+?)/resolve/([^/]+)/(.+)", raw)
        if match:
            return self.resolve(*(urllib.parse.unquote(part) for part in match.groups()))
        return self.push(path, query)

    def commit_of(self, repository, revision):
        commit = repository.refs.get(revision, revision)
        if commit in repository.commits:
            return commit
        self.refuse(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        return None

    def moved(self, name):
        new = self.hub.faults.rename.get(name)
        if new is None:
            return False
        self.answer(307, b"", {"Location": self.path.replace(name, new, 1)})
        return True

    def info(self, name, revision):
        if self.moved(name):
            return None
        repository = self.hub.repositories.get(name)
        if not self.allowed(repository):
            return None
        commit = self.commit_of(repository, revision)
        if commit is None:
            return None
        faults = self.hub.faults
        if faults.document is not None:
            return self.answer(200, faults.document)
        if faults.huge_document:
            return self.answer(200, b'{"sha": "' + b"a" * (5 << 20) + b'"}')
        siblings = []
        for path, file in repository.commits[commit].items():
            size = (file.lfs and faults.claimed_size) or len(file.data)
            entry = {"rfilename": path, "size": size, "blobId": file.git_sha1}
            if file.lfs:
                entry["lfs"] = {"sha256": file.sha256, "size": size, "pointerSize": 134}
            siblings.append(entry)
        body = {"_id": "1", "id": name, "modelId": name, "sha": commit, "private": repository.private,
                "gated": "auto" if repository.gated else False, "disabled": False,
                "tags": [], "downloads": 7, "likes": 3, "lastModified": "2025-01-02T03:04:05.000Z",
                "siblings": siblings}
        if faults.listing is not None:
            body["siblings"] = faults.listing
        if faults.hide_siblings:
            del body["siblings"]
        return self.answer(200, body)

    def page(self, rows, query):
        size = self.hub.faults.page_size or int(query.get("limit", ["1000"])[0])
        begin = int(query.get("cursor", ["0"])[0])
        headers = {}
        if self.hub.faults.endless_pages:
            headers["Link"] = f'<{self.hub.url}{self.path}>; rel="next"'
        elif begin + size < len(rows):
            query = {k: v[0] for k, v in query.items()} | {"cursor": begin + size}
            path = self.path.partition("?")[0] + "?" + urllib.parse.urlencode(query)
            base = self.hub.storage_url if self.hub.faults.next_elsewhere else self.hub.url
            headers["Link"] = f'<{base}{path}>; rel="next"'
        return self.answer(200, rows[begin:begin + size], headers)

    def tree(self, name, revision, query):
        repository = self.hub.repositories.get(name)
        if not self.allowed(repository):
            return None
        commit = self.commit_of(repository, revision)
        if commit is None:
            return None
        rows = []
        for path, file in sorted(repository.commits[commit].items()):
            row = {"type": "file", "oid": file.git_sha1, "size": len(file.data), "path": path}
            if file.lfs:
                row["lfs"] = {"oid": file.sha256, "size": len(file.data), "pointerSize": 134}
            rows.append(row)
        return self.page(rows, query)

    def search(self, query):
        words = query.get("search", [""])[0].lower()
        author = query.get("author", [""])[0]
        rows = [{"_id": "1", "id": r.name, "modelId": r.name, "downloads": 100 - i, "likes": i,
                 "private": False, "gated": False, "pipeline_tag": r.task, "tags": [],
                 "lastModified": "2025-01-02T03:04:05.000Z"}
                for i, r in enumerate(self.hub.repositories.values())
                if words in r.name.lower() and (not author or r.name.startswith(author + "/"))]
        return self.page(rows, query)

    def etag(self, file):
        return '"5f3e-odd"' if self.hub.faults.odd_etags else f'"{file.etag}"'

    def resolve(self, name, revision, path):
        if self.moved(name):
            return None
        repository = self.hub.repositories.get(name)
        if not self.allowed(repository) or self.gated(repository):
            return None
        commit = self.commit_of(repository, revision)
        if commit is None:
            return None
        file = repository.commits[commit].get(path)
        if file is None:
            return self.refuse(404, "EntryNotFound", "Entry not found")
        faults = self.hub.faults
        headers = {} if faults.no_commit else {"X-Repo-Commit": commit}
        if faults.circle == "hub":
            return self.answer(307, b"", headers | {"Location": self.path})
        size = faults.claimed_size or len(file.data) + (path in faults.wrong_size)
        if not file.lfs and not (faults.redirect_small and self.command == "GET"):
            headers["ETag"] = self.etag(file)
            return self.send_file(file, path, headers)
        headers |= {"X-Linked-Etag": self.etag(file), "X-Linked-Size": str(size),
                    "ETag": '"storage-knows-better"', "Accept-Ranges": "bytes",
                    "Location": faults.downgrade or
                    f"{self.hub.storage_url}/{name}/{commit}/{urllib.parse.quote(path)}"
                    f"?X-Amz-Expires=3600&{SIGNATURE}=secretsignature"}
        return self.answer(302, b"", headers)

    # --- the storage ---

    def storage(self, path, query):
        if "Authorization" in self.headers:
            return self.refuse(400, None, "Only one auth mechanism allowed")
        faults = self.hub.faults
        if self.command == "PUT":
            data = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if faults.busy_puts:
                faults.busy_puts -= 1
                return self.refuse(503, headers={"Retry-After": "0"})
            self.hub.uploads[path] = data
            return self.answer(200, b"", {"ETag": '"%s"' % hashlib.md5(data).hexdigest()})
        with self.hub.lock:
            expired = faults.expire > 0
            faults.expire -= expired
        if expired or query.get(SIGNATURE) != ["secretsignature"]:
            return self.answer(403, b"<Error><Code>AccessDenied</Code></Error>")
        match = re.fullmatch(r"/(.+)/([0-9a-f]{40})/(.+)", path)
        if faults.circle == "storage":
            return self.answer(302, b"", {"Location": self.hub.storage_url + self.path})
        file = self.hub.repositories[match[1]].commits[match[2]][match[3]]
        return self.send_file(file, match[3], {"ETag": '"storage-knows-better"'})

    def send_file(self, file, path, headers):
        faults = self.hub.faults
        data = file.data
        if path in faults.corrupt:
            middle = len(data) // 2
            data = data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1:]
        if path in faults.wrong_size and not file.lfs:
            data = data + b"!"
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        status, begin, end = 200, 0, len(data)
        if asked and not faults.ignore_range:
            with self.hub.lock:
                refused = faults.range_416 > 0
                faults.range_416 -= refused
            begin = int(asked[1])
            end = min(int(asked[2]) + 1, end) if asked[2] else end
            if refused or begin >= len(data):
                return self.answer(416, b"", {"Content-Range": f"bytes */{len(data)}"})
            if faults.bad_range:
                begin = max(0, begin - 1)
            status = 206
            headers["Content-Range"] = f"bytes {begin}-{end - 1}/{len(data)}"
        headers["Accept-Ranges"] = "bytes"
        if self.command == "HEAD":
            return self.answer(200, b"", headers, length=len(data))
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key, value)
        if faults.encoding:
            self.send_header("Content-Encoding", faults.encoding)
        self.send_header("Content-Length", str(end - begin + faults.length_off))
        if faults.length_off:
            self.close_connection = True
        self.end_headers()
        self.send_body(data[begin:end])
        return None

    def send_body(self, data):
        faults = self.hub.faults
        step = faults.slow[0] if faults.slow else 1 << 20
        cut = None
        with self.hub.lock:
            if faults.cut_after is not None and faults.cuts > 0 and faults.cut_after < len(data):
                cut = faults.cut_after
                faults.cuts -= 1
            silent = faults.silent > 0
            faults.silent -= silent
        view = memoryview(data)
        for at in range(0, len(data), step):
            piece = view[at:at + step]
            if cut is not None and at + len(piece) > cut:
                piece = view[at:cut]
            if silent and at + len(piece) > len(data) // 2:
                self.write(view[at:len(data) // 2])
                self.connection.recv(1)  # until the client gives up
                self.close_connection = True
                return
            if faults.gate is not None and at + len(piece) > len(data) // 2:
                self.hub.half_sent.set()
                faults.gate.wait(60)
            self.write(piece)
            if cut is not None and at + len(piece) >= cut:
                self.wfile.flush()
                self.connection.shutdown(socket.SHUT_RDWR)
                self.close_connection = True
                return
            if faults.slow:
                time.sleep(faults.slow[1])

    def write(self, piece):
        self.wfile.write(piece)
        with self.hub.lock:
            self.hub.sent[self.kind] += len(piece)

    # --- what clients put there ---

    def push(self, path, query):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        account = self.account()
        if self.command != "POST":
            return self.refuse(404, None, "Not found")
        if not account:
            return self.refuse(401, None, "Invalid username or password.")
        if path == "/api/repos/create":
            wanted = json.loads(body)
            name = (wanted.get("organization") or account) + "/" + wanted["name"]
            if name in self.hub.repositories:
                return self.refuse(409, None, "You already created this model repo")
            self.hub.add(name, {".gitattributes": b"*.safetensors filter=lfs\n"})
            self.hub.repositories[name].private = bool(wanted.get("private"))
            return self.answer(200, {"url": f"{self.hub.url}/{name}", "name": name})
        match = re.fullmatch(r"/api/models/(.+?)/preupload/([^/]+)", path)
        if match:
            files = [{"path": f["path"], "shouldIgnore": False,
                      "uploadMode": "lfs" if f["size"] >= LFS_FROM else "regular"}
                     for f in json.loads(body)["files"]]
            return self.answer(200, {"files": files})
        match = re.fullmatch(r"/(.+?)\.git/info/lfs/objects/batch", path)
        if match:
            objects = []
            for wanted in json.loads(body)["objects"]:
                entry = {"oid": wanted["oid"], "size": wanted["size"]}
                if f"/lfs/{wanted['oid']}" not in self.hub.uploads:
                    entry["actions"] = {
                        "upload": self.upload_action(wanted["oid"], wanted["size"]),
                        "verify": {"href": f"{self.hub.url}/{match[1]}.git/info/lfs/objects/verify"}}
                objects.append(entry)
            return self.answer(200, {"transfer": "basic", "objects": objects})
        match = re.fullmatch(r"/complete/([0-9a-f]{64})", path)
        if match:
            parts = [self.hub.uploads.pop(f"/parts/{match[1]}/{part['partNumber']}")
                     for part in json.loads(body)["parts"]]
            for part, told in zip(parts, json.loads(body)["parts"]):
                if told["etag"] != '"%s"' % hashlib.md5(part).hexdigest():
                    return self.refuse(400, None, "wrong part")
            self.hub.uploads[f"/lfs/{match[1]}"] = b"".join(parts)
            return self.answer(200, {})
        if re.fullmatch(r"/(.+?)\.git/info/lfs/objects/verify", path):
            wanted = json.loads(body)
            data = self.hub.uploads.get(f"/lfs/{wanted['oid']}")
            good = data is not None and len(data) == wanted["size"]
            return self.answer(200 if good else 404, {})
        match = re.fullmatch(r"/api/models/(.+?)/commit/([^/]+)", path)
        if match:
            return self.take_commit(match[1], match[2], body)
        return self.refuse(404, None, "Not found")

    def upload_action(self, oid, size):
        sign = f"?{SIGNATURE}=secretsignature"
        chunk = self.hub.faults.multipart
        if not chunk:
            return {"href": f"{self.hub.storage_url}/lfs/{oid}{sign}"}
        parts = {f"{number:05}": f"{self.hub.storage_url}/parts/{oid}/{number}{sign}"
                 for number in range(1, -(-size // chunk) + 1)}
        return {"href": f"{self.hub.url}/complete/{oid}", "header": parts | {"chunk_size": str(chunk)}}

    def take_commit(self, name, revision, body):
        repository = self.hub.repositories[name]
        files = {path: file.data
                 for path, file in repository.commits[repository.refs[revision]].items()}
        for line in body.decode().splitlines():
            entry = json.loads(line)
            value = entry["value"]
            if entry["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif entry["key"] == "lfsFile":
                data = self.hub.uploads.get(f"/lfs/{value['oid']}")
                if data is None or hashlib.sha256(data).hexdigest() != value["oid"]:
                    return self.refuse(400, None, "LFS object is not there")
                files[value["path"]] = data
        commit = self.hub.add(name, files, revision)
        return self.answer(200, {"success": True, "commitOid": commit,
                                 "commitUrl": f"{self.hub.url}/{name}/commit/{commit}"})
