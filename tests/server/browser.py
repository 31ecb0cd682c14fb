"""A headless Chromium driven through chromedriver's HTTP interface (W3C WebDriver). Standard library
only; both programs are Debian packages."""

import base64
import http.client
import json
import pathlib
import re
import shutil
import subprocess
import tempfile

from server import DEADLINE, until

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
ENTER = "\ue007"


def is_there():
    return bool(shutil.which("chromium") and shutil.which("chromedriver"))


class Browser:
    """`with Browser() as browser:`; one window."""

    def __init__(self, width=1500, height=950):
        self.size = (width, height)

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="hyprstream_browser_")
        self.driver = subprocess.Popen(["chromedriver", "--port=0"], stdout=subprocess.PIPE,
                                       stderr=subprocess.DEVNULL, text=True)
        for line in self.driver.stdout:
            if found := re.search(r"started successfully on port (\d+)", line):
                self.port = int(found.group(1))
                break
        else:
            raise AssertionError("chromedriver did not start")
        try:
            session = self._send("POST", "/session", {"capabilities": {"alwaysMatch": {
                "browserName": "chrome", "goog:loggingPrefs": {"browser": "ALL"},
                "goog:chromeOptions": {"binary": shutil.which("chromium"), "args": [
                    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                    "--hide-scrollbars", "--no-first-run", "--disable-background-networking",
                    f"--user-data-dir={self.folder.name}",
                    "--window-size={},{}".format(*self.size)]}}}})
            self.session = "/session/" + session["sessionId"]
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, *_):
        try:
            self._send("DELETE", self.session)
        finally:
            self._end()

    def _end(self):
        self.driver.terminate()
        self.driver.wait(DEADLINE)
        self.driver.stdout.close()
        self.folder.cleanup()

    def _send(self, method, path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE)
        try:
            connection.request(method, path, None if body is None else json.dumps(body))
            answer = json.loads(connection.getresponse().read())["value"]
        finally:
            connection.close()
        if isinstance(answer, dict) and "error" in answer and "stacktrace" in answer:
            raise AssertionError(f"{path}: {answer['error']}: {answer['message']}")
        return answer

    def command(self, name, body=None):
        return self._send("POST", f"{self.session}/{name}", body or {})

    def devtools(self, command, **parameters):
        return self.command("goog/cdp/execute", {"cmd": command, "params": parameters})

    def open(self, url):
        self.command("url", {"url": url})

    def run(self, script, *arguments):
        """The value of a function's body; `arguments` in it are these."""
        return self.command("execute/sync", {"script": script, "args": list(arguments)})

    def all(self, selector):
        return [e[ELEMENT] for e in
                self.command("elements", {"using": "css selector", "value": selector})]

    def one(self, selector):
        """The first one that is shown."""
        shown = []

        def found():
            shown[:] = [e for e in self.all(selector)
                        if self._send("GET", f"{self.session}/element/{e}/displayed")]
            return shown

        until(found)
        return shown[0]

    def text(self, selector):
        return self.run("return [...document.querySelectorAll(arguments[0])].map(e => e.textContent)",
                        selector)

    def click(self, selector):
        self.command(f"element/{self.one(selector)}/click")

    def type(self, selector, text, clear=False):
        element = self.one(selector)
        if clear:
            self.command(f"element/{element}/clear")
        self.command(f"element/{element}/value", {"text": text})

    def press(self, key):
        """To whatever has the focus."""
        self.command("actions", {"actions": [{"type": "key", "id": "keys", "actions": [
            {"type": "keyDown", "value": key}, {"type": "keyUp", "value": key}]}]})

    def errors(self):
        """What was written to the console since it was asked for last, warnings and errors."""
        return [e["message"] for e in self.command("se/log", {"type": "browser"})
                if e["level"] in ("SEVERE", "WARNING")]

    def prefer(self, scheme):
        self.devtools("Emulation.setEmulatedMedia",
                      features=[{"name": "prefers-color-scheme", "value": scheme}])

    def picture(self, path):
        data = self._send("GET", f"{self.session}/screenshot")
        pathlib.Path(path).write_bytes(base64.b64decode(data))
