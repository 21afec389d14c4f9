"""A shell at a terminal, and somebody who types into it: what a person sees is what a test sees."""

import os
import pty
import re
import select
import signal
import termios
import time

import servers

PROMPT = "ready> "
READY = re.escape(PROMPT) + "$"
ANSWER_SECS_MAX = 40
LOCAL_FLAGS = 3  # the place of the flags, ECHO among them, in what tcgetattr answers


class Terminal:
    """`folder` is the working directory and the home of whoever types; `programs` stands first in PATH."""

    def __init__(self, folder, programs):
        environment = {"PATH": f"{programs}:/usr/bin:/bin", "HOME": str(folder), "TERM": "dumb", "PS1": PROMPT,
                       "LANG": "C.UTF-8", "HISTFILE": ""}
        self.shell, self.line = pty.fork()
        if self.shell == 0:
            os.chdir(folder)
            os.execve("/bin/bash", ["bash", "--norc", "--noprofile", "--noediting", "-i"], environment)
        self.seen = ""
        self.wait_for(READY)

    def type(self, text, until=READY):
        """Types a line, waits until `until` is shown, and answers what was shown."""
        self.seen = ""
        os.write(self.line, text.encode() + b"\n")
        self.wait_for(until)
        return self.seen

    def type_hidden(self, text):
        """Answers a prompt that hides what is typed, as a person does: after the terminal has stopped to echo."""
        servers.until(lambda: not termios.tcgetattr(self.line)[LOCAL_FLAGS] & termios.ECHO, ANSWER_SECS_MAX, "a hidden prompt")
        return self.type(text)

    def code(self):
        """The exit code of the last command."""
        return int(re.findall(r"^code (\d+)", self.type("echo code $?"), re.MULTILINE)[-1])

    def wait_for(self, pattern):
        ends = time.monotonic() + ANSWER_SECS_MAX
        while not re.search(pattern, self.seen):
            if time.monotonic() > ends:
                raise AssertionError(f"nothing like {pattern!r} is shown:\n{self.seen}")
            if select.select([self.line], [], [], 0.1)[0]:
                self.seen += os.read(self.line, 65536).decode(errors="replace").replace("\r\n", "\n")

    def end(self):
        os.kill(self.shell, signal.SIGKILL)
        os.close(self.line)
        os.waitpid(self.shell, 0)
