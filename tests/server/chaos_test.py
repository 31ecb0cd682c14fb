"""Ten thousand requests that are garbage, broken or abandoned, several at a time and beside slow
clients; afterwards the server answers as before and holds nothing of theirs.

Every request is a function of CHAOS_SEED and its number, so one that does harm can be sent alone.
CHAOS_REQUESTS says how many; more than the default takes longer and finds more."""

import json
import os
import random
import re
import socket
import threading
import unittest

from server import DEADLINE, Server, main, until

REQUESTS = int(os.environ.get("CHAOS_REQUESTS", "10000"))
SEED = int(os.environ.get("CHAOS_SEED", "1"))
CLIENTS = 4
SLOW = 24
SECRET = "marzipan-giraffe-7141"  # in every prompt; must be in no log
# 505: the protocol's own word for a version that nobody speaks.
ALLOWED = {503, 505}

MESSAGES = [{"role": "user", "content": f"Tell me of {SECRET}."}]
CHAT = {"model": "willowbrook", "messages": MESSAGES, "max_tokens": 1, "temperature": 0}
TEXT = {"model": "willowbrook", "prompt": f"Once {SECRET}", "max_tokens": 1}
SAMPLE = {"input": f"Who is {SECRET}?", "output": f"{SECRET} is nobody."}
FIXED = {"model": "willowbrook", "prompt": "Once upon a time", "max_tokens": 48, "temperature": 1.0,
         "seed": 7, "logprobs": 2}
ROUTES = [
    ("POST", "/v1/chat/completions", CHAT),
    ("POST", "/v1/chat/completions", {**CHAT, "stream": True, "n": 2, "logprobs": True}),
    ("POST", "/v1/chat/completions", {**CHAT, "model": "chaos", "max_tokens": 2, "tools": [
        {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}]}),
    ("POST", "/v1/chat/completions", {**CHAT, "max_tokens": 3, "response_format": {
        "type": "json_schema", "json_schema": {"name": "x", "schema": {
            "type": "object", "properties": {"a": {"enum": [1, "b"]}}, "required": ["a"]}}}}),
    ("POST", "/v1/completions", TEXT),
    ("POST", "/v1/completions", {**TEXT, "prompt": [[1, 2, 3], [4]], "echo": True, "logprobs": 1}),
    ("POST", "/v1/completions", {**TEXT, "stream": True, "stop": ["x"], "logit_bias": {"5": -1}}),
    ("POST", "/v1/embeddings", {"model": "willowbrook", "input": [SECRET, "b"]}),
    ("POST", "/tokenize", {"prompt": SECRET}),
    ("POST", "/detokenize", {"tokens": [1, 2, 3]}),
    ("POST", "/apply-template", {"messages": MESSAGES}),
    ("GET", "/v1/models", None),
    ("GET", "/v1/models/willowbrook", None),
    ("GET", "/v1/adapters", None),
    ("POST", "/v1/adapters", {"name": "chaos", "kind": "sparse"}),
    ("GET", "/v1/adapters/chaos", None),
    ("DELETE", "/v1/adapters/nobody", None),
    ("GET", "/v1/adapters/chaos/versions", None),
    ("POST", "/v1/adapters/chaos/versions/0/promote", None),
    ("POST", "/v1/adapters/chaos/versions/1/pin", None),
    ("POST", "/v1/adapters/chaos/rollback", {"version": 0}),
    ("GET", "/v1/adapters/chaos/placement", None),
    ("GET", "/v1/adapters/chaos/training", None),
    ("POST", "/v1/adapters/chaos/training", {"state": "stopped"}),
    ("POST", "/v1/adapters/chaos/samples", SAMPLE),
    ("GET", "/v1/adapters/chaos/samples?limit=2", None),
    ("POST", "/v1/feedback", {"completion_id": "cmpl-1", "correction": SECRET}),
    ("GET", "/v1/files", None),
    ("GET", "/v1/files/file-1/content", None),
    ("POST", "/v1/load_lora_adapter", {"lora_name": "x", "lora_path": "/etc/passwd"}),
    ("POST", "/v1/unload_lora_adapter", {"lora_name": "x"}),
    ("GET", "/metrics", None),
    ("GET", "/health", None),
    ("GET", "/", None),
    ("GET", "/page/app.js", None),
    ("GET", "/api/tags", None),
    ("POST", "/api/show", {"model": "willowbrook"}),
    ("POST", "/api/generate", {"model": "willowbrook", "prompt": SECRET, "stream": False,
                               "options": {"num_predict": 1}}),
    ("POST", "/api/chat", {"model": "willowbrook", "messages": MESSAGES,
                           "options": {"num_predict": 1}}),
    ("POST", "/api/embed", {"model": "willowbrook", "input": SECRET}),
    ("OPTIONS", "/v1/models", None),
]
NASTY = [b"\0", b"\xff\xfe", b"\r\n", b"\n\n", b"%00", b"../", b"\"", b"{", b"]", b"-1", b"1e999",
         b"99999999999999999999", b"null", b"\\ud800", b": ", b"chunked", b"HTTP/1.0", b";", b"\t"]


def request(method, path, body, *headers):
    data = b"" if body is None else json.dumps(body).encode()
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", *headers]
    if body is not None:
        lines.append(f"Content-Length: {len(data)}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + data


VALID = [request(*route) for route in ROUTES]


def valid(chance):
    return chance.choice(VALID)


def mutated(chance):
    data = bytearray(valid(chance))
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(data))
        how = chance.randrange(5)
        if how == 0:
            data[at] = chance.randrange(256)
        elif how == 1:
            data[at:at] = chance.choice(NASTY)
        elif how == 2:
            del data[at:at + chance.randint(1, 20)]
        elif how == 3:
            data[at:at] = data[at:at + chance.randint(1, 60)]
        else:
            data[at:at + 1] = bytes([data[at] ^ (1 << chance.randrange(8))])
        if not data:
            break
    return bytes(data)


def changed_body(chance):
    """Sound HTTP around JSON in which one value is another kind of thing."""
    method, path, body = chance.choice([route for route in ROUTES if route[2]])
    body = dict(body)
    other = chance.choice([None, True, -1, 0, 2 ** 63, 1e300, "", "\0", SECRET * 50, [], {}, [[]],
                           {"a": {"b": []}}, [None] * 100, json.loads("[" * 40 + "]" * 40)])
    body[chance.choice([*body, "n", "stop", "seed", "lora", "stream", "top_p", "format"])] = other
    return request(method, path, body)


def broken_chunks(chance):
    body = json.dumps(CHAT).encode()
    head = request("POST", "/v1/chat/completions", None, "Transfer-Encoding: chunked")
    pieces = []
    while body:
        size = chance.randint(1, 60)
        said = chance.choice([b"%x" % len(body[:size])] * 6 +
                             [b"-1", b"ffffffffffffffff", b"zz", b"", b"0", b"%x" % (size + 1)])
        pieces.append(said + chance.choice([b"\r\n"] * 6 + [b"\n", b";x=y\r\n", b";" + b"y" * 5000]) +
                      body[:size] + chance.choice([b"\r\n"] * 9 + [b""]))
        body = body[size:]
    return head + b"".join(pieces) + chance.choice([b"0\r\n\r\n", b"0\r\nX: y\r\n\r\n", b"0\r\n", b""])


def pipelined(chance):
    return b"".join(chance.choice([valid, valid, mutated])(chance) for _ in range(5))


def huge_header(chance):
    name = chance.choice(["X-Long", "Cookie", "Host", "Authorization", "Origin", "Expect"])
    size = chance.choice([1 << 10, 1 << 14, 1 << 16, 1 << 18])
    if chance.random() < 0.5:
        return request("GET", "/health", None, f"{name}: {'v' * size}")
    return request("GET", "/health", None, *[f"{name}-{i}: v" for i in range(size >> 5)])


def noise(chance):
    return chance.randbytes(chance.choice([1, 7, 100, 1000, 20000])) + b"\r\n\r\n"


def abandoned(chance):
    return request(*chance.choice([
        ("POST", "/v1/chat/completions", {**CHAT, "stream": True, "max_tokens": 400, "n": 2,
                                          "ignore_eos": True}),
        ("POST", "/v1/completions", {**TEXT, "max_tokens": 400, "ignore_eos": True}),
        ("POST", "/api/generate", {"model": "willowbrook", "prompt": SECRET}),
        ("GET", "/v1/events", None)]))


KINDS = [(noise, 20), (mutated, 34), (changed_body, 20), (broken_chunks, 9), (pipelined, 5),
         (huge_header, 4), (abandoned, 8)]


class Chaos:
    """Sends request number i from several threads; keeps the replies that must not be."""

    def __init__(self, running):
        self.server = running
        self.counts = {kind.__name__: 0 for kind, _ in KINDS}
        self.statuses = {}
        self.wrong = []
        self.lock = threading.Lock()

    def run(self, first, last):
        numbers = iter(range(first, last))
        failures = []

        def work():
            try:
                while (number := self.take(numbers)) is not None:
                    self.send(number)
            except Exception as problem:  # told by the thread that waits
                failures.append(problem)
        threads = [threading.Thread(target=work) for _ in range(CLIENTS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if failures:
            raise failures[0]

    def take(self, numbers):
        with self.lock:
            return next(numbers, None)

    def send(self, number):
        chance = random.Random(SEED * 1_000_003 + number)
        kind = chance.choices([k for k, _ in KINDS], [w for _, w in KINDS])[0]
        data = kind(chance)
        answer = b""
        with self.server.connect() as connection:
            try:
                connection.sendall(data)
                if kind is abandoned:
                    answer = connection.recv(chance.choice([1, 100, 1000]))
                else:
                    connection.shutdown(socket.SHUT_WR)
                    while piece := connection.recv(65536):
                        answer += piece
            except ConnectionError:
                pass
        statuses = [int(s) for s in re.findall(rb"HTTP/1\.1 (\d{3}) ", answer)]
        with self.lock:
            self.counts[kind.__name__] += 1
            for status in statuses:
                self.statuses[status] = self.statuses.get(status, 0) + 1
            bad = [s for s in statuses if s >= 500 and s not in ALLOWED]
            if bad or not answer.startswith(b"HTTP/1.1 "[:len(answer)]):
                self.wrong.append((number, kind.__name__, data[:300], answer[:300]))


class SlowClients:
    """Connections that say a byte now and then, all the while."""

    def __init__(self, running):
        self.server = running
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self._work)
        self.thread.start()

    def _work(self):
        data = request("POST", "/v1/chat/completions", CHAT)
        clients = []
        while not self.ended.wait(0.05):
            if len(clients) < SLOW:
                clients.append([self.server.connect(), 0])
            for client in list(clients):
                connection, sent = client
                try:
                    connection.sendall(data[sent:sent + 1])
                    client[1] += 1
                    if client[1] == len(data):
                        raise ConnectionError
                except ConnectionError:
                    connection.close()
                    clients.remove(client)
        for connection, _ in clients:
            connection.close()

    def end(self):
        self.ended.set()
        self.thread.join(DEADLINE)


class ChaosTest(unittest.TestCase):
    def setUp(self):
        self.server = Server("--log-level", "debug").__enter__()
        self.addCleanup(self.server.__exit__)

    def files(self):
        """(sockets, others) that the server has open."""
        folder = f"/proc/{self.server.process.pid}/fd"
        targets = []
        for name in os.listdir(folder):
            try:
                targets.append(os.readlink(f"{folder}/{name}"))
            except FileNotFoundError:
                pass
        sockets = sum(target.startswith("socket:") for target in targets)
        return sockets, len(targets) - sockets

    def status(self, key):
        with open(f"/proc/{self.server.process.pid}/status", encoding="ascii") as file:
            return int(re.search(rf"^{key}:\s+(\d+)", file.read(), re.MULTILINE)[1])

    def fixed(self):
        status, _, body = self.server.request("POST", "/v1/completions", FIXED)
        self.assertEqual(status, 200, body)
        return re.sub(rb'"(id|created)":("[^"]*"|\d+)', b"", body)

    def quiet(self):
        """Nobody is answered any more."""
        page = self.server.request("GET", "/metrics")[2].decode()
        running = re.search(r"^vllm:num_requests_running\{.*\} (\S+)$", page, re.MULTILINE)[1]
        return float(running) == 0

    def test_ten_thousand(self):
        print(f"CHAOS_SEED={SEED} CHAOS_REQUESTS={REQUESTS}")
        listening = self.files()[0]
        self.assertEqual(self.server.post("/v1/adapters", {"name": "chaos"})[0], 201)
        chaos = Chaos(self.server)
        before = self.fixed()
        warm = REQUESTS // 5
        chaos.run(0, warm)
        until(self.quiet)
        until(lambda: self.files()[0] == listening)
        files, threads, resident = self.files()[1], self.status("Threads"), self.status("VmRSS")
        slow = SlowClients(self.server)
        try:
            chaos.run(warm, REQUESTS)
        finally:
            slow.end()
        print(chaos.counts, dict(sorted(chaos.statuses.items())))
        self.assertEqual(chaos.wrong, [])
        self.assertEqual(sum(chaos.counts.values()), REQUESTS)
        self.assertIsNone(self.server.process.poll())
        until(self.quiet)
        self.assertEqual(self.fixed(), before)
        until(lambda: self.files()[0] == listening)
        self.assertLessEqual(self.files()[1], files)
        self.assertEqual(self.status("Threads"), threads)
        grown = self.status("VmRSS") - resident
        self.assertLess(grown, 64 << 10, f"{resident} kB have become {grown} kB more")
        self.assertEqual(self.server.stop(), 0)
        self.assertNotIn(SECRET, self.server.log)
        self.assertNotIn(SECRET.split("-", maxsplit=1)[0], self.server.log)


if __name__ == "__main__":
    main()
