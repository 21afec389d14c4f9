"""Runs one command of the program and shows what it told."""

import re
import subprocess

import servers

COMMAND_SECS_MAX = 30


class Told:
    """Exit code and everything that was printed, without colours."""

    def __init__(self, done):
        self.code, self.text = done.returncode, re.sub(r"\x1b\[[0-9;]*m", "", done.stdout + done.stderr)

    def __repr__(self):
        return f"exit code {self.code}\n{self.text}"


def run(*arguments):
    command = [servers.strongroom_path(), *arguments]
    return Told(subprocess.run(command, capture_output=True, text=True, timeout=COMMAND_SECS_MAX))


def serve(data):
    """Tries to serve a data folder, where that must be refused."""
    return run("server", "--data", data, "--listen", f"127.0.0.1:{servers.free_port()}")
