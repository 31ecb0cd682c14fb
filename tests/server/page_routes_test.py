"""The web page's files as the server sends them, and the routes that only the page asks."""

import html.parser
import json
import pathlib
import re
import tempfile
import unittest

import server
from server import ROOT, Server

PAGE = ROOT / "src/server/page"
WANTED = {"Accept": "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"}


class Reader(html.parser.HTMLParser):
    """What a page refers to, and what it holds that its policy forbids."""

    def __init__(self):
        super().__init__()
        self.files, self.inline, self.unnamed, self.labels = [], [], [], set()
        self.inside = None

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.inside = tag
        self.files += [attrs[k] for k in ("src", "href") if attrs.get(k, "#")[0] != "#"]
        self.inline += [(tag, k) for k in attrs if k == "style" or k.startswith("on")]
        if tag == "label":
            self.labels.add(attrs.get("for"))
        if tag in ("input", "textarea", "select"):
            self.unnamed.append(attrs["id"])

    def handle_data(self, data):
        if self.inside in ("script", "style") and data.strip():
            self.inline.append((self.inside, data))


class PageRoutesTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server().__enter__()
        cls.addClassCleanup(cls.server.__exit__)

    def test_browsers_get_the_page_and_ollama_its_answer(self):
        status, headers, body = self.server.request("GET", "/", headers=WANTED)
        self.assertEqual((status, headers["content-type"]), (200, "text/html; charset=utf-8"))
        self.assertEqual(body, (PAGE / "index.html").read_bytes())
        self.assertEqual(headers["vary"], "Accept")
        for accept in ({}, {"Accept": "*/*"}):
            self.assertEqual(self.server.request("GET", "/", headers=accept)[2],
                             b"Ollama is running")

    def test_everything_it_refers_to_is_there(self):
        reader = Reader()
        reader.feed((PAGE / "index.html").read_text())
        self.assertEqual(reader.inline, [])
        for path in reader.files:
            status, _, body = self.server.request("GET", path)
            self.assertEqual(status, 200, path)
            if path.endswith("app.js"):
                continue
            self.assertTrue(body, path)
        waiting, seen = ["app.js"], set()
        while waiting:
            name = waiting.pop()
            if name in seen:
                continue
            seen.add(name)
            status, headers, body = self.server.request("GET", "/page/" + name)
            self.assertEqual((status, headers["content-type"]),
                             (200, "text/javascript; charset=utf-8"), name)
            self.assertEqual(body, (PAGE / name).read_bytes())
            waiting += re.findall(r'from "\./([^"]+)"', body.decode())
        self.assertEqual(seen, {p.name for p in PAGE.glob("*.js")})

    def test_fields_have_labels(self):
        reader = Reader()
        reader.feed((PAGE / "index.html").read_text())
        around = {"temperature", "max-tokens"}  # their labels stand around them
        self.assertEqual(set(reader.unnamed) - reader.labels, around)

    def test_nothing_from_elsewhere(self):
        policy = self.server.request("GET", "/", headers=WANTED)[1]["content-security-policy"]
        self.assertIn("default-src 'none'", policy)
        self.assertIn("script-src 'self'", policy)
        self.assertNotIn("unsafe", policy)
        for path in PAGE.iterdir():
            text = path.read_text()
            self.assertNotRegex(text.replace("http://www.w3.org/2000/svg", ""), r"https?://", path)
            self.assertNotRegex(text, r"innerHTML|insertAdjacentHTML|document\.write|eval\(", path)

    def test_unchanged_files_are_not_sent_again(self):
        headers = self.server.request("GET", "/page/style.css")[1]
        status, again, body = self.server.request("GET", "/page/style.css",
                                                  headers={"If-None-Match": headers["etag"]})
        self.assertEqual((status, body, again["etag"]), (304, b"", headers["etag"]))
        self.assertEqual(self.server.request("GET", "/page/style.css",
                                             headers={"If-None-Match": '"other"'})[0], 200)
        for path in ("/page/nothing.js", "/page/", "/page/../app.js", "/page/embed.cmake"):
            self.assertEqual(self.server.request("GET", path)[0], 404, path)

    def test_the_page_needs_no_key(self):
        with tempfile.TemporaryDirectory() as folder:
            keys = pathlib.Path(folder) / "keys"
            keys.write_text("top-secret-key use\n")
            keys.chmod(0o600)
            with Server("--api-key-file", keys) as running:
                self.assertEqual(running.request("GET", "/", headers=WANTED)[0], 200)
                self.assertEqual(running.request("GET", "/page/app.js")[0], 200)
                self.assertEqual(running.request("GET", "/v1/models")[0], 401)

    def test_placement_before_training(self):
        self.server.post("/v1/adapters", {"name": "small", "target_modules": ["v_proj", "q_proj"]})
        config = json.loads((server.WILLOWBROOK / "config.json").read_text())
        status, placement = self.server.get("/v1/adapters/small/placement")
        self.assertEqual((status, placement), (200, {
            "name": "small", "version": 0, "components": 0, "largest": 0,
            "modules": ["q_proj", "v_proj"], "layers": [[0, 0]] * config["num_hidden_layers"]}))
        self.assertEqual(self.server.get("/v1/adapters/nobody/placement")[0], 404)
        self.assertEqual(self.server.get("/v1/adapters/small/placement?version=7")[0], 404)


if __name__ == "__main__":
    server.main()
