"""Runs a foreign client as a process of its own, in an empty home and with nothing of our environment."""

import json
import os
import subprocess

import servers

CLIENT_SECS_MAX = 60


def environment(server, home, token=None):
    """What a client's process sees: where the server is, whom it trusts, and an empty home."""
    kept = {"PATH": f"{servers.ROOT / 'var' / 'venv' / 'bin'}:{os.environ['PATH']}", "HOME": str(home), "LANG": "C.UTF-8",
            "NODE_PATH": str(servers.ROOT / "var" / "node" / "node_modules"),
            "VAULT_ADDR": server.address, "BAO_ADDR": server.address}
    if server.ca_file:
        ca_file = str(server.ca_file)
        kept |= {"VAULT_CACERT": ca_file, "BAO_CACERT": ca_file, "NODE_EXTRA_CA_CERTS": ca_file, "CURL_CA_BUNDLE": ca_file}
    if token:
        kept["BAO_TOKEN"] = token
    return kept


def run(command, environment, stdin=""):
    return subprocess.run(command, env=environment, input=stdin, capture_output=True, text=True, timeout=CLIENT_SECS_MAX)


class Bao:
    """The `bao` command line against one server. Each call asserts its exit code and answers what was printed."""

    def __init__(self, server, home, token=None):
        self.server, self.home, self.token = server, home, token

    def with_token(self, token):
        return Bao(self.server, self.home, token)

    def __call__(self, command, *arguments, stdin="", code=0):
        done = self.run(command, arguments, stdin)
        assert done.returncode == code, f"bao {command} {arguments}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout.strip()

    def json(self, command, *arguments, stdin="", code=0):
        return json.loads(self(f"{command} -format=json", *arguments, stdin=stdin, code=code))

    def refusal(self, command, *arguments, stdin=""):
        """What is told where the command ends with 2, as it does on every refusal."""
        done = self.run(command, arguments, stdin)
        assert done.returncode == 2, f"bao {command} {arguments}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    def run(self, command, arguments, stdin):
        words = ["bao", *command.split(), *(str(argument) for argument in arguments)]
        return run(words, environment(self.server, self.home, self.token), stdin)
