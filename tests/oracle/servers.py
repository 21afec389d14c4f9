"""Starts the servers that the outside tests talk to: OpenBao, the reference, and Strongroom, the one under test.

Every server gets a fresh directory and a free port on loopback, and is ended by its own process id. What it prints goes
to `server.log` in its directory, so that a failing run can be read afterwards.
"""

import http.client
import os
import pathlib
import re
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
START_SECS_MAX = 30


def strongroom_path():
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR") or ROOT / "target")
    return os.environ.get("STRONGROOM_BIN") or str(target / "debug" / "strongroom")


def openbao_path():
    return os.environ.get("OPENBAO_BIN") or shutil.which("bao") or str(ROOT / "var" / "venv" / "bin" / "bao")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Answer:
    """What came back: the status, the headers by lower-case name, and the bytes of the body."""

    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body


class Server:
    """A running server, or one that can be started again over the same directory."""

    def __init__(self, name, command, port, directory, environment=None, user=None):
        self.name, self.command, self.port, self.directory = name, command, port, pathlib.Path(directory)
        self.environment, self.user = environment or {}, user
        self.ca_file, self.root_token, self.process = None, "root", None
        self.log_path = self.directory / "server.log"

    @property
    def address(self):
        return f"{'https' if self.ca_file else 'http'}://127.0.0.1:{self.port}"

    def tls_context(self):
        return ssl.create_default_context(cafile=self.ca_file) if self.ca_file else None

    def launch(self):
        """Starts the process and waits for nothing."""
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("VAULT_", "BAO_", "STRONGROOM_"))}
        environment |= {"HOME": str(self.directory)} | self.environment
        drop = {"user": self.user, "group": self.user, "extra_groups": []} if self.user is not None else {}
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                self.command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=self.directory, env=environment, **drop)

    def start(self):
        self.launch()
        self.wait_for(lambda: self.call("GET", "/v1/sys/seal-status").status == 200, "an answer of sys/seal-status")
        return self

    def wait_for(self, holds, what):
        deadline = time.monotonic() + START_SECS_MAX
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise SystemExit(f"{self.name} ended with {self.process.returncode} at its start:\n{self.log_tail()}")
            try:
                if holds():
                    return
            except (OSError, http.client.HTTPException):
                pass
            time.sleep(0.05)
        raise SystemExit(f"{self.name}: no {what} within {START_SECS_MAX} s:\n{self.log_tail()}")

    def log_text(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def log_tail(self):
        return "\n".join(self.log_text().splitlines()[-30:])

    def call(self, method, target, headers=None, body=None, timeout=30):
        if self.ca_file:
            wire = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=timeout, context=self.tls_context())
        else:
            wire = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            wire.putrequest(method, target, skip_accept_encoding=True)
            for name, value in (headers or {}).items():
                wire.putheader(name, value)
            payload = body.encode() if isinstance(body, str) else body
            if payload is not None or method in ("POST", "PUT", "PATCH"):
                wire.putheader("Content-Length", str(len(payload or b"")))
            wire.endheaders(payload)
            reply = wire.getresponse()
            return Answer(reply.status, {k.lower(): v for k, v in reply.getheaders()}, reply.read())
        finally:
            wire.close()

    def kill(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
        if self.process:
            self.process.wait()

    def stop(self):
        """Ends the server as an operator would; answers whether it went within ten seconds."""
        if not self.process or self.process.poll() is not None:
            return False
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(10)
            return True
        except subprocess.TimeoutExpired:
            self.kill()
            return False


def fresh_directory(label):
    base = ROOT / "var" / "tests"
    base.mkdir(parents=True, exist_ok=True)
    return pathlib.Path(tempfile.mkdtemp(prefix=f"{label}-", dir=base))


def openbao_dev():
    port, directory = free_port(), fresh_directory("openbao-dev")
    command = [openbao_path(), "server", "-dev", "-dev-root-token-id=root", f"-dev-listen-address=127.0.0.1:{port}",
               "-dev-no-store-token"]
    return Server("openbao", command, port, directory).start()


def openbao_sealed():
    port, directory = free_port(), fresh_directory("openbao-sealed")
    (directory / "raft").mkdir()
    (directory / "openbao.hcl").write_text(f"""
listener "tcp" {{
  address     = "127.0.0.1:{port}"
  tls_disable = true
}}
storage "raft" {{
  path    = "{directory}/raft"
  node_id = "n1"
}}
api_addr     = "http://127.0.0.1:{port}"
cluster_addr = "https://127.0.0.1:{free_port()}"
audit "file" "main" {{
  options {{ file_path = "{directory}/audit.log" }}
}}
""")
    return Server("openbao", [openbao_path(), "server", f"-config={directory}/openbao.hcl"], port, directory).start()


def strongroom_plain(label="strongroom-dev", environment=None):
    """The development server in Vault's way: plain HTTP, unsealed, root token `root`."""
    port, directory = free_port(), fresh_directory(label)
    command = [strongroom_path(), "server", "-dev", "-dev-root-token-id=root", f"-dev-listen-address=127.0.0.1:{port}",
               "-dev-no-store-token"]
    return Server("strongroom", command, port, directory, environment).start()


def strongroom_dev_tls():
    """The development server as we offer it: TLS on loopback; its printed lines say how to reach it."""
    port, directory = free_port(), fresh_directory("strongroom-tls")
    server = Server("strongroom", [strongroom_path(), "dev", "--listen", f"127.0.0.1:{port}"], port, directory)
    server.launch()
    printed = {}

    def has_printed():
        text = server.log_text()
        for name, pattern in {"ca": r"VAULT_CACERT=['\"]?([^'\"\s]+)", "root": r"Root Token: (\S+)",
                              "share": r"Unseal Key(?: 1)?: (\S+)"}.items():
            if found := re.search(pattern, text):
                printed[name] = found.group(1)
        return len(printed) == 3

    server.wait_for(has_printed, "lines with VAULT_CACERT, Root Token and Unseal Key")
    server.ca_file, server.root_token, server.share = printed["ca"], printed["root"], printed["share"]
    server.wait_for(lambda: server.call("GET", "/v1/sys/health").status == 200, "healthy answer over TLS")
    return server


def strongroom_config(port, directory, tail=""):
    path = pathlib.Path(directory) / "strongroom.hcl"
    path.write_text(f"""
listener "tcp" {{
  address     = "127.0.0.1:{port}"
  tls_disable = true
}}
storage "sled" {{
  path = "{directory}/data"
}}
audit "file" "main" {{
  options {{ file_path = "{directory}/audit.log" }}
}}
api_addr = "http://127.0.0.1:{port}"
{tail}""")
    return path


def strongroom_sealed(label="strongroom-sealed", environment=None, user=None, command=None):
    """A server over sled that is neither initialised nor unsealed, plain HTTP on loopback, with one audit file."""
    port, directory = free_port(), fresh_directory(label)
    config = strongroom_config(port, directory)
    if user is not None:
        for path in (directory, config):
            os.chown(path, user, user)
    command = [command or strongroom_path(), "server", f"-config={config}"]
    return Server("strongroom", command, port, directory, environment, user).start()
