"""The servers that the scripts start, unseal, kill and read figures of: Strongroom, OpenBao and the bare server.

All three stand on loopback with TLS 1.3 and one core of their own. What belongs to one program alone (flags, files)
is said here and nowhere else.
"""

import os
import re
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

from http_api import Api, Broken

SERVER_CORE, LOAD_CORE = "0", "1"
START_SECS_MAX = 120


class Server:
    """A child process. `spawn` starts it, `wait_health` waits for its first answer of sys/health."""

    name = "?"
    keeps_secrets = True

    def __init__(self, folder, port):
        self.folder, self.port = Path(folder), port
        self.process, self.api, self.log = None, None, None
        self.share = self.root_token = self.audit_key = None

    def command(self):
        raise NotImplementedError

    def environment(self):
        return dict(os.environ)

    def spawn(self):
        self.folder.mkdir(parents=True, exist_ok=True)
        self.log = open(self.folder.parent / f"{self.folder.name}.log", "ab")
        pinned = ["taskset", "-c", SERVER_CORE] if shutil.which("taskset") else []
        self.process = subprocess.Popen(
            pinned + self.command(),
            stdout=self.log,
            stderr=self.log,
            stdin=subprocess.DEVNULL,
            env=self.environment(),
        )
        self.log.close()

    def connect(self):
        """Sets `api`; may be called again and again until the server has said where it listens."""
        if self.api is None:
            self.api = Api(f"https://127.0.0.1:{self.port}", self.ca())

    def ca(self):
        return None

    def wait_health(self):
        """Seconds from `spawn` until sys/health gave an answer of any kind."""
        began = time.monotonic()
        while True:
            if self.process.poll() is not None:
                raise RuntimeError(f"{self.name} ended with {self.process.returncode}:\n{self.last_words()}")
            if time.monotonic() - began > START_SECS_MAX:
                raise RuntimeError(f"{self.name} does not answer:\n{self.last_words()}")
            if self._listens():
                self.connect()
                try:
                    self.api.call("GET", "sys/health")
                    return time.monotonic() - began
                except (Broken, OSError):
                    pass
            time.sleep(0.002)

    def start(self):
        self.spawn()
        return self.wait_health()

    def kill(self):
        """kill -9, and wait until it is gone."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        if self.api:
            self.api.hang_up()

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.kill()
        if self.api:
            self.api.hang_up()

    def initialise(self):
        answer = self.api.ask("PUT", "sys/init", {"secret_shares": 1, "secret_threshold": 1}).body
        self.share, self.root_token = answer["keys_base64"][0], answer["root_token"]
        self.audit_key = answer.get("audit_public_key")
        self.api.token = self.root_token

    def unseal(self):
        self.api.ask("PUT", "sys/unseal", {"key": self.share})
        until(lambda: self.api.call("GET", "sys/health").status == 200)

    def audit_file(self):
        return self.folder / "audit.log"

    def resident_mb(self):
        """Resident memory in megabytes (10^6 bytes)."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+) kB", status).group(1)) * 1024 / 1e6

    def cpu_secs(self):
        """User and system time of the process until now."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def last_words(self):
        return (self.folder.parent / f"{self.folder.name}.log").read_text(errors="replace")[-3000:]

    def _listens(self):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


class Bare(Server):
    """examples/bare_server.rs: what axum, hyper and rustls cost without a broker above them."""

    name, keeps_secrets = "bare axum", False

    def __init__(self, folder, port, program, tls, answer_bytes):
        super().__init__(folder, port)
        self.program, self.tls, self.answer_bytes = program, tls, answer_bytes

    def command(self):
        return [
            str(self.program),
            *("--listen", f"127.0.0.1:{self.port}"),
            *("--cert", str(self.tls / "server.pem"), "--key", str(self.tls / "server-key.pem")),
            *("--bytes", str(self.answer_bytes)),
        ]

    def ca(self):
        return str(self.tls / "server.pem")


class OpenBao(Server):
    """OpenBao with raft storage and a file audit device."""

    name = "OpenBao"

    def __init__(self, folder, port, program, tls):
        super().__init__(folder, port)
        self.program, self.tls = program, tls

    def command(self):
        raft = self.folder / "raft"
        raft.mkdir(exist_ok=True)
        config = self.folder / "bao.hcl"
        config.write_text(
            f"""
listener "tcp" {{
  address         = "127.0.0.1:{self.port}"
  cluster_address = "127.0.0.1:{self.port + 1}"
  tls_cert_file   = "{self.tls}/server.pem"
  tls_key_file    = "{self.tls}/server-key.pem"
  tls_min_version = "tls13"
}}
storage "raft" {{
  path    = "{raft}"
  node_id = "n1"
}}
audit "file" "main" {{ options {{ file_path = "{self.audit_file()}" }} }}
api_addr     = "https://127.0.0.1:{self.port}"
cluster_addr = "https://127.0.0.1:{self.port + 1}"
"""
        )
        return [str(self.program), "server", f"-config={config}"]

    def environment(self):
        return {name: value for name, value in os.environ.items() if not name.startswith(("BAO_", "VAULT_"))}

    def ca(self):
        return str(self.tls / "server.pem")


class Strongroom(Server):
    """`strongroom server --data DIR`: sled, TLS by its own small authority, audit.log in the same folder."""

    name = "Strongroom"

    def __init__(self, folder, port, program):
        super().__init__(folder, port)
        self.program = program

    def command(self):
        return [str(self.program), "server", "--data", str(self.folder), "--listen", f"127.0.0.1:{self.port}"]

    def environment(self):
        hidden = ("STRONGROOM_", "BAO_", "VAULT_")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(hidden)}
        # The command line keeps what it pins (the audit key, a token) here and not with the person who runs a bench.
        # Revoked tokens are shown again on purpose, by the hundred.
        kept["STRONGROOM_UNSAFE_UNLIMITED_REFUSALS"] = "true"
        kept["STRONGROOM_HOME"] = str(self.folder.parent / f"{self.folder.name}-cli")
        return kept

    def ca(self):
        return str(self.folder / "tls" / "ca.pem")

    def client(self, *arguments, stdin=None):
        """Runs a command of the command line against this server; returns the finished process."""
        environment = self.environment() | {"VAULT_ADDR": f"https://127.0.0.1:{self.port}", "VAULT_CACERT": self.ca()}
        if self.root_token:
            environment["VAULT_TOKEN"] = self.root_token
        return subprocess.run(
            [str(self.program), *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            env=environment,
            timeout=600,
        )


def until(claim, secs=60):
    """Waits until `claim()` holds; an answer that breaks counts as not yet."""
    ends = time.monotonic() + secs
    while True:
        try:
            if claim():
                return
        except Broken:
            pass
        if time.monotonic() > ends:
            raise RuntimeError("waited in vain")
        time.sleep(0.002)


def self_signed(folder):
    """One P-256 certificate for 127.0.0.1, for those servers that do not make their own."""
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "server.pem").exists():
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
            + ["-days", "30", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"]
            + ["-keyout", str(folder / "server-key.pem"), "-out", str(folder / "server.pem")],
            check=True,
            capture_output=True,
        )
    return folder
