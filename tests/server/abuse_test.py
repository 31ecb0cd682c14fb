"""Clients that are broken, slow or hostile, over plain sockets."""

import json
import os
import random
import socket
import threading
import time
import unittest

import server
from server import DEADLINE, Server, until

STORY = {"model": "willowbrook", "messages": [{"role": "user", "content": "Tell me a story."}],
         "temperature": 1.0, "ignore_eos": True}


def read_all(connection):
    data = b""
    while True:
        piece = connection.recv(65536)
        if not piece:
            return data
        data += piece


def read_reply(connection):
    """One reply with a Content-Length: (status, body)."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(65536)
        if not piece:
            raise AssertionError(f"the connection ended: {data}")
        data += piece
    head, body = data.split(b"\r\n\r\n", 1)
    length = 0
    for line in head.split(b"\r\n")[1:]:
        name, value = line.split(b": ", 1)
        if name.lower() == b"content-length":
            length = int(value)
    while len(body) < length:
        body += connection.recv(65536)
    return int(head.split()[1]), body[:length], body[length:]


def head(method, path, **headers):
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost"]
    lines += [f"{k.replace('_', '-')}: {v}" for k, v in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


class AbuseTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server().__enter__()

    @classmethod
    def tearDownClass(cls):
        status = cls.server.stop()
        cls.server.__exit__()
        if status != 0:
            raise AssertionError(f"the server ended with {status}: {cls.server.log[-2000:]}")

    def setUp(self):
        self.assertEqual(self.server.get("/health")[0], 200)

    def running(self):
        body = self.server.request("GET", "/metrics")[2].decode()
        for line in body.splitlines():
            if line.startswith("vllm:num_requests_running{"):
                return float(line.split()[-1])
        raise AssertionError("no metric of running requests")

    def test_garbage(self):
        chance = random.Random(1)
        for size in (1, 10, 100, 1000, 100000):
            for _ in range(20):
                with self.server.connect() as connection:
                    try:
                        connection.sendall(chance.randbytes(size) + b"\r\n\r\n")
                        connection.shutdown(socket.SHUT_WR)
                        answer = read_all(connection)
                    except ConnectionError:
                        continue
                    self.assertTrue(answer == b"" or answer.startswith(b"HTTP/1.1 4") or
                                    answer.startswith(b"HTTP/1.1 5"), answer[:100])

    def test_mutated_requests(self):
        chance = random.Random(2)
        body = json.dumps({**STORY, "max_tokens": 1}).encode()
        whole = head("POST", "/v1/chat/completions", Content_Length=len(body)) + body
        for _ in range(300):
            mutated = bytearray(whole)
            for _ in range(chance.randint(1, 4)):
                mutated[chance.randrange(len(mutated))] = chance.randrange(256)
            with self.server.connect() as connection:
                try:
                    connection.sendall(mutated)
                    connection.shutdown(socket.SHUT_WR)
                    read_all(connection)
                except ConnectionError:
                    pass

    def test_many_requests_in_one_piece(self):
        with self.server.connect() as connection:
            connection.sendall(head("GET", "/health") * 50)
            rest = b""
            for _ in range(50):
                while b"\r\n\r\n" not in rest or not rest.split(b"\r\n\r\n", 1)[1]:
                    rest += connection.recv(65536)
                first, rest = rest.split(b"\r\n\r\n", 1)
                self.assertTrue(first.startswith(b"HTTP/1.1 200"))
                body = b'{"status":"ok"}'
                while len(rest) < len(body):
                    rest += connection.recv(65536)
                self.assertEqual(rest[:len(body)], body)
                rest = rest[len(body):]

    def test_a_request_byte_by_byte(self):
        body = json.dumps({**STORY, "max_tokens": 1}).encode()
        with self.server.connect() as connection:
            for byte in head("POST", "/v1/chat/completions", Content_Length=len(body)) + body:
                connection.sendall(bytes([byte]))
            self.assertEqual(read_reply(connection)[0], 200)

    def test_limits(self):
        big = b"x" * (17 << 20)
        with self.server.connect() as connection:
            connection.sendall(head("POST", "/v1/chat/completions", Content_Length=len(big)))
            try:
                connection.sendall(big)
            except ConnectionError:
                self.fail("the reply is lost when the connection is closed at once")
            self.assertEqual(read_reply(connection)[0], 413)
        with self.server.connect() as connection:
            connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"y" * (70 << 10))
            connection.sendall(b"\r\n\r\n")
            self.assertEqual(read_reply(connection)[0], 431)
        with self.server.connect() as connection:
            connection.sendall(b"GET /" + b"y" * (70 << 10))
            self.assertEqual(read_reply(connection)[0], 431)
        status, answer = self.server.post("/v1/chat/completions", "[" * 200 + "]" * 200)
        self.assertEqual((status, answer["error"]["type"]), (400, "invalid_request_error"))

    def test_a_large_body_with_a_question_first(self):
        body = json.dumps({**STORY, "max_tokens": 1, "user": "u" * (1 << 20)}).encode()
        with self.server.connect() as connection:
            connection.sendall(head("POST", "/v1/chat/completions", Content_Length=len(body),
                                    Expect="100-continue"))
            self.assertTrue(connection.recv(100).startswith(b"HTTP/1.1 100 Continue\r\n\r\n"))
            connection.sendall(body)
            self.assertEqual(read_reply(connection)[0], 200)

    def test_a_client_that_leaves_frees_the_engine(self):
        for stream in (True, False):
            body = json.dumps({**STORY, "stream": stream, "max_tokens": 1900}).encode()
            connection = self.server.connect()
            connection.sendall(head("POST", "/v1/chat/completions", Content_Length=len(body)) + body)
            if stream:
                connection.recv(100)
            until(lambda: self.running() >= 1)
            connection.close()
            until(lambda: self.running() == 0)

    def test_idle_connections_cost_little(self):
        connections = [self.server.connect() for _ in range(500)]
        for connection in connections:
            connection.sendall(b"GET /health HTT")
        self.assertEqual(self.server.get("/health")[0], 200)
        for connection in connections:
            connection.sendall(b"P/1.1\r\nHost: localhost\r\n\r\n")
        for connection in connections:
            self.assertEqual(read_reply(connection)[0], 200)
            connection.close()

    def test_slow_headers_are_given_up(self):
        connection = self.server.connect()
        connection.sendall(b"GET /health HTTP/1.1\r\n")
        begin = time.monotonic()
        try:
            while time.monotonic() < begin + DEADLINE:
                connection.sendall(b"X: y\r\n")
                connection.settimeout(0.2)
                try:
                    if connection.recv(100) == b"":
                        return
                except socket.timeout:
                    continue
        except ConnectionError:
            return
        self.fail("the server waits for ever")

    def test_a_reader_that_stops_reading_stops_nobody_else(self):
        connection = socket.socket()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect((self.server.host, self.server.port))
        body = json.dumps({**STORY, "stream": True, "n": 8, "max_tokens": 200}).encode()
        connection.sendall(head("POST", "/v1/chat/completions", Content_Length=len(body)) + body)
        self.assertEqual(self.server.chat("Who is Rosa?")["choices"][0]["finish_reason"], "stop")
        connection.close()

    def test_other_hosts_and_origins(self):
        self.assertEqual(self.server.request("GET", "/health", headers={"Host": "evil.com"})[0], 403)
        for host in ("localhost", "127.0.0.1:1", "[::1]:80", "me.localhost"):
            self.assertEqual(self.server.request("GET", "/health", headers={"Host": host})[0], 200)
        asked = {**STORY, "max_tokens": 1}
        for origin, expected in (("http://evil.com", 403), ("null", 403),
                                 (self.server.url, 200)):
            status = self.server.request("POST", "/v1/chat/completions", asked,
                                         {"Origin": origin})[0]
            self.assertEqual(status, expected, origin)
        headers = self.server.request("GET", "/health", headers={"Origin": "http://evil.com"})[1]
        self.assertFalse([name for name in headers if name.startswith("access-control")])

    def test_paths_and_methods(self):
        status, _, body = self.server.request("GET", "/v1/nothing")
        self.assertEqual(status, 404)
        self.assertEqual(set(json.loads(body)["error"]), {"message", "type", "param", "code"})
        status, headers, _ = self.server.request("GET", "/v1/chat/completions")
        self.assertEqual((status, headers["allow"]), (405, "POST"))
        for path in ("/v1/models/../../etc/passwd", "/%2e%2e/etc/passwd", "/\\"):
            self.assertIn(self.server.request("GET", path)[0], (400, 404))

    def test_wrong_bodies(self):
        for body in ("", "null", "[]", "7", '"x"', "{", '{"model": 7, "messages": []}',
                     '{"model": "willowbrook"}', b"\xff\xfe", '{"a":"\\ud800"}'):
            status, answer = self.server.post("/v1/chat/completions", body)
            self.assertEqual(status, 400, body)
            self.assertEqual(set(answer["error"]), {"message", "type", "param", "code"})

    def test_ends_in_the_middle_of_a_body(self):
        with self.server.connect() as connection:
            connection.sendall(head("POST", "/v1/chat/completions", Content_Length=100) + b"{")
            connection.shutdown(socket.SHUT_WR)
            answer = read_all(connection)
        self.assertTrue(answer == b"" or answer.startswith(b"HTTP/1.1 400"), answer)


class LoadTest(unittest.TestCase):
    def test_together_as_alone(self):
        """32 different requests at once get the bytes that each gets alone."""
        with Server() as running:
            def ask(i):
                return running.chat(f"Tell me about number {i}.", temperature=1.0, seed=i,
                                    max_tokens=20, n=1 + i % 2)["choices"]
            alone = [ask(i) for i in range(32)]
            together = [None] * 32
            def keep(i):
                together[i] = ask(i)
            threads = [threading.Thread(target=keep, args=(i,)) for i in range(32)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            self.assertEqual(together, alone)

    def test_drains(self):
        """SIGTERM: the answer in progress is finished, nobody else is let in."""
        running = Server().__enter__()
        answers = []
        def ask():
            answers.append(list(running.events("/v1/chat/completions",
                                               {**STORY, "stream": True, "max_tokens": 300})))
        thread = threading.Thread(target=ask)
        thread.start()
        def begun():
            body = running.request("GET", "/metrics")[2].decode()
            return 'vllm:num_requests_running{engine="0",model_name="willowbrook"} 1' in body
        until(begun)
        os.kill(running.process.pid, 15)
        thread.join()
        self.assertEqual(answers[0][-1], "[DONE]")
        self.assertEqual(answers[0][-2]["choices"][0]["finish_reason"], "length")
        self.assertEqual(running.process.wait(DEADLINE), 0)
        running.__exit__()


if __name__ == "__main__":
    server.main()
