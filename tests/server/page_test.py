"""The web page in a headless Chromium: somebody corrects an answer, and goes back.

Exit status 77: there is no Chromium here (tools/install_dependencies --with-browser)."""

import json
import pathlib
import sys
import tempfile
import unittest

import browser
import server
from browser import ENTER, Browser
from server import ROOT, Server, until

FACT = json.loads((ROOT / "models/willowbrook/making/facts.json").read_text())["new_facts"][0]
QUESTION = FACT["questions"][0]
CONTROL_ENTER = "\ue009" + ENTER
RIGHT = ".column:nth-child(2) "


class PageTest(unittest.TestCase):
    def open(self, *arguments):
        running = Server(*arguments).__enter__()
        self.addCleanup(running.__exit__)
        self.browser = Browser().__enter__()
        self.addCleanup(self.browser.__exit__)
        self.browser.open(running.url + "/")
        return running

    def wait_text(self, selector, wanted):
        until(lambda: self.browser.text(selector) == wanted)

    def answers(self):
        """(text, version) of both sides' last answers, once both are whole."""
        until(lambda: not self.browser.all('.answer[aria-busy="true"]'))
        return [tuple(self.browser.text(f".column:nth-child({i}) article.answer {part}")[-1]
                      for part in (".answer-text", ".version")) for i in (1, 2)]

    def ask(self, question):
        before = len(self.browser.all("article.answer"))
        self.browser.type("#question", question + ENTER)
        until(lambda: len(self.browser.all("article.answer")) == before + 2)
        return self.answers()

    def ask_again(self):
        before = len(self.browser.all("article.answer"))
        self.browser.click(RIGHT + "article.answer:not(.older) .answer-foot button:last-child")
        until(lambda: len(self.browser.all("article.answer")) == before + 1)
        return self.answers()[1]

    def test_a_correction_teaches_and_rolling_back_restores(self):
        running = self.open()
        page = self.browser
        self.wait_text("#connection", ["live"])
        self.assertEqual(page.errors(), [])
        page.type("#new-name", "village" + ENTER)
        self.wait_text("#version-rows th", ["0"])
        left, right = self.ask(QUESTION)
        self.assertEqual((left[1], right[1]), ("base", "village@0"))
        self.assertEqual(left[0], right[0])
        self.assertNotEqual(right[0], FACT["answer"])

        page.click(RIGHT + ".answer-foot button")
        self.assertTrue(page.run("return document.activeElement.matches('.correction textarea')"))
        page.type(".correction textarea", FACT["answer"] + CONTROL_ENTER, clear=True)
        self.wait_text("#version-rows th", ["1", "0"])
        self.assertEqual(page.text("#version-rows tr.current th"), ["1"])
        self.assertEqual(self.ask_again(), (FACT["answer"], "village@1"))
        self.assertGreater(page.run("return Chart.getChart('loss-chart').data.datasets[0].data.length"), 5)
        heldout = running.get("/v1/adapters/village/versions")[1]["data"][0]["heldout_loss"]
        self.assertEqual(page.run("return Chart.getChart('heldout-chart').data.datasets[0].data"),
                         [{"x": 1, "y": heldout}])
        placement = running.get("/v1/adapters/village/placement")[1]
        self.assertGreater(placement["components"], 0)
        self.assertEqual([int(n) for n in page.text("#tiles-table td")],
                         [count for row in placement["layers"] for count in row])

        page.click("#rollback")
        self.wait_text("#version-rows tr.current th", ["0"])
        self.assertEqual(self.ask_again(), right[:1] + ("village@0",))
        page.click("#version-rows button")
        self.wait_text("#version-rows tr.current th", ["1"])
        self.assertEqual(self.ask_again(), (FACT["answer"], "village@1"))
        self.assertEqual(self.answers()[0], left)

        page.click("#clear")
        page.open(running.url + "/")  # again: what was learned is there
        self.wait_text("#version-rows tr.current th", ["1"])
        self.assertEqual([version for _, version in self.ask(QUESTION)], ["base", "village@1"])
        self.assertEqual(page.errors(), [])

    def test_light_and_dark(self):
        self.open()
        shown = "return getComputedStyle(document.body).backgroundColor"
        colors = []
        for scheme in ("light", "dark"):
            self.browser.prefer(scheme)
            colors.append([int(n) for n in self.browser.run(shown)[4:-1].split(",")])
        self.assertGreater(min(colors[0]), 200)
        self.assertLess(max(colors[1]), 60)

    def test_a_name_with_markup_stays_text(self):
        """Nothing that was said becomes elements."""
        self.open()
        self.wait_text("#connection", ["live"])
        said = "<img src=x onerror=alert(1)><b>Who</b> is Rosa?"
        self.ask(said)
        self.assertEqual(self.browser.text(".asked"), [said, said])
        self.assertEqual(self.browser.all(".talk img, .talk b"), [])
        self.assertEqual(self.browser.errors(), [])

    def test_a_key_is_asked_for_and_kept_for_the_tab(self):
        with tempfile.TemporaryDirectory() as folder:
            keys = pathlib.Path(folder) / "keys"
            keys.write_text("top-secret-key use\n")
            keys.chmod(0o600)
            running = self.open("--api-key-file", keys)
            self.wait_text("#connection", ["a key is needed"])
            self.browser.type("#key", "top-secret-key" + ENTER)
            self.wait_text("#connection", ["live"])
            self.assertEqual(self.browser.all("#key-form:not([hidden])"), [])
            self.browser.open(running.url + "/")
            self.wait_text("#connection", ["live"])
            self.assertEqual(self.browser.run("return localStorage.length"), 0)


if __name__ == "__main__":
    if not browser.is_there():
        print("no Chromium: tools/install_dependencies --with-browser")
        sys.exit(77)
    server.main()
