"""Who is let in: keys, hosts and certificates."""

import http.client
import json
import os
import pathlib
import ssl
import subprocess
import tempfile
import unittest

import server
from server import Server, WILLOWBROOK, clean_environment


class AccessTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def keys(self, mode=0o600):
        path = self.folder / "keys"
        path.write_text("top-secret-key use\n")
        path.chmod(mode)
        return path

    def refused(self, *arguments):
        result = subprocess.run(
            [server.PROGRAM, "serve", "--model", str(WILLOWBROOK), "--port", "0",
             *map(str, arguments)], capture_output=True, text=True, timeout=server.DEADLINE,
            env=clean_environment(self.folder))
        self.assertEqual(result.stdout, "")
        return result

    def status(self, connection, **headers):
        connection.request("GET", "/v1/models", headers=headers)
        response = connection.getresponse()
        body = json.loads(response.read())
        connection.close()
        return response.status, body

    def test_without_keys_only_this_machine_is_served(self):
        result = self.refused("--host", "0.0.0.0")
        self.assertEqual(result.returncode, 2)
        self.assertIn("--api-key-file", result.stderr)

    def test_a_key_file_that_others_can_read_is_refused(self):
        result = self.refused("--api-key-file", self.keys(0o644))
        self.assertEqual(result.returncode, 1)
        self.assertNotIn("top-secret-key", result.stderr)

    def test_keys_are_asked_for(self):
        with Server("--host", "0.0.0.0", "--api-key-file", self.keys()) as running:
            connection = http.client.HTTPConnection("127.0.0.1", running.port)
            status, body = self.status(connection)
            self.assertEqual(status, 401)
            self.assertIn("message", body["error"])
            self.assertEqual(self.status(connection, Authorization="Bearer wrong")[0], 401)
            self.assertEqual(self.status(connection, Authorization="Bearer top-secret-key")[0], 200)
        self.assertNotIn("top-secret-key", running.log)

    def test_a_foreign_host_is_refused_on_loopback(self):
        with Server() as running:
            connection = http.client.HTTPConnection("127.0.0.1", running.port)
            self.assertEqual(self.status(connection, Host="evil.example")[0], 403)
            self.assertEqual(self.status(connection)[0], 200)

    def test_tls(self):
        certificate, key = self.folder / "cert.pem", self.folder / "key.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                        "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
                        "-keyout", key, "-out", certificate], check=True, capture_output=True)
        with Server("--tls-cert", certificate, "--tls-key", key,
                    "--tls-min-version", "1.3") as running:
            self.assertEqual(running.scheme, "https")
            context = ssl.create_default_context(cafile=str(certificate))
            connection = http.client.HTTPSConnection("localhost", running.port, context=context)
            self.assertEqual(self.status(connection)[0], 200)
            old = ssl.create_default_context(cafile=str(certificate))
            old.maximum_version = ssl.TLSVersion.TLSv1_2
            with self.assertRaises((ssl.SSLError, ConnectionError)):
                self.status(http.client.HTTPSConnection("localhost", running.port, context=old))


if __name__ == "__main__":
    server.main()
