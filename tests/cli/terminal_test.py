"""A chat on a terminal: a pseudo-terminal stands in for it."""

import os
import pty
import re
import select
import signal
import time
import unittest

import program
from program import clean_environment


class Terminal:
    """The program on a pseudo-terminal."""

    def __init__(self, *arguments, **environment):
        self.seen = ""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(program.ROOT)
            os.execve(program.PROGRAM, [program.PROGRAM, *arguments],
                      clean_environment(TERM="xterm", LC_ALL="C.UTF-8", **environment))

    def type(self, text):
        os.write(self.fd, text.encode())

    def wait_for(self, pattern, seconds=120):
        """Reads until the pattern appears in what has not been matched yet; returns what led to it."""
        deadline = time.monotonic() + seconds
        while True:
            match = re.search(pattern, self.seen, re.S)
            if match:
                before = self.seen[:match.end()]
                self.seen = self.seen[match.end():]
                return before
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.fd], [], [], left)[0]:
                raise AssertionError(f"no {pattern!r} in {self.seen!r}")
            try:
                data = os.read(self.fd, 65536)
            except OSError:
                data = b""
            if not data:
                raise AssertionError(f"the program ended without {pattern!r}: {self.seen!r}")
            self.seen += data.decode(errors="replace")

    def end(self):
        """Reads to the end; the exit status."""
        while True:
            try:
                if not os.read(self.fd, 65536):
                    break
            except OSError:
                break
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


class ChatTest(unittest.TestCase):
    def test_a_conversation(self):
        terminal = Terminal("chat", "willowbrook", "--temperature", "0", "--max-tokens", "30")
        terminal.wait_for(">>> ")
        terminal.type("Who is Rosa's best friend?\r")
        self.assertIn("Tom", terminal.wait_for(r"friend\?.*Tom.*>>> "))
        terminal.type("\x04")
        self.assertEqual(terminal.end(), 0)

    def test_run_without_a_prompt_is_a_chat(self):
        terminal = Terminal("run", "willowbrook", "--max-tokens", "5")
        terminal.wait_for(">>> ")
        terminal.type("/exit\r")
        self.assertEqual(terminal.end(), 0)

    def test_lines_can_be_edited_and_recalled(self):
        terminal = Terminal("chat", "willowbrook", "--max-tokens", "5")
        terminal.wait_for(">>> ")
        terminal.type("/hixlp\x1b[D\x1b[D\x1b[D\x7fe\x1b[3~\r")  # left three times, fix it
        terminal.wait_for("forget the conversation.*>>> ")
        terminal.type("\x1b[A\r")  # the line before
        terminal.wait_for("forget the conversation.*>>> ")
        terminal.type("/exit\r")
        self.assertEqual(terminal.end(), 0)

    def test_ctrl_c_stops_the_answer_and_not_the_program(self):
        terminal = Terminal("chat", "willowbrook", "--max-tokens", "1800", "--ignore-eos")
        terminal.wait_for(">>> ")
        terminal.type("Tell me a story.\r")
        terminal.wait_for(r"story\.\r\n.*\w")
        terminal.type("\x03")
        terminal.wait_for(r"\(stopped\).*>>> ")
        terminal.type("half a line\x03")
        terminal.wait_for(r"\n.*>>> ")
        terminal.type("\x04")
        self.assertEqual(terminal.end(), 0)

    def test_colours_are_for_terminals_that_want_them(self):
        colored = Terminal("run", "no-such-model", "hi")
        self.assertIn("\x1b[31m", colored.wait_for("hint:"))
        self.assertEqual(colored.end(), 1)
        plain = Terminal("run", "no-such-model", "hi", NO_COLOR="1")
        self.assertNotIn("\x1b[", plain.wait_for("hint:"))
        self.assertEqual(plain.end(), 1)


if __name__ == "__main__":
    program.main()
