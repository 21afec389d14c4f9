"""Starts, opens and stops the servers that scripts and tests talk to: Strongroom, OpenBao and the bare server.

Each has a folder of its own and a free port on loopback, and is ended by its own process id. What it prints goes to
`server.log` in that folder. What belongs to one program alone (flags, files) is said here and nowhere else.
"""

import atexit
import http.client
import json
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import time
from pathlib import Path

from http_api import Api, Broken, answer_of

ROOT = Path(__file__).resolve().parents[2]
SERVER_CORE, LOAD_CORE = "0", "1"
START_SECS_MAX, STOP_SECS_MAX = 120, 20
POLL_SECS = 0.005
HIDDEN = ("STRONGROOM_", "BAO_", "VAULT_")  # variables of whoever runs a script: no server or client may see them

# Load shows revoked tokens again on purpose, by the hundred.
UNLIMITED = {"STRONGROOM_UNSAFE_UNLIMITED_REFUSALS": "true"}

running = set()  # whatever ends this process ends the servers that it started
folders = []  # all that `fresh_folder` made


class Trouble(Exception):
    """A server did not do what was waited for."""


def strongroom_path():
    target = Path(os.environ.get("CARGO_TARGET_DIR") or ROOT / "target")
    return Path(os.environ.get("STRONGROOM_BIN") or target / "debug" / "strongroom").resolve()


def openbao_path():
    return Path(os.environ.get("OPENBAO_BIN") or ROOT / "var" / "venv" / "bin" / "bao")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def fresh_folder(label, base=None):
    """An empty folder below `base` (var/tests) that others may enter; `remove_folders` takes it away."""
    base = base or ROOT / "var" / "tests"
    base.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f"{label}-", dir=base))
    folder.chmod(0o755)
    folders.append(folder)
    return folder


def remove_folders():
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


def plain_environment():
    return {name: value for name, value in os.environ.items() if not name.startswith(HIDDEN)}


def until(claim, secs=60, what="what was waited for"):
    """Waits until `claim()` is true and returns it; a broken connection counts as not yet. Raises Trouble."""
    ends = time.monotonic() + secs
    while True:
        try:
            if found := claim():
                return found
        except (OSError, http.client.HTTPException, Broken):
            pass
        if time.monotonic() > ends:
            raise Trouble(f"{what} did not come within {secs} s")
        time.sleep(POLL_SECS)


class Server:
    """A child process that speaks Vault's API. It can be started again over the same folder."""

    name = "?"

    def __init__(self, folder, user=None, core=None, environment=None):
        """`user` is a user id to run as, `core` a CPU to stay on."""
        self.folder, self.port = Path(folder).absolute(), free_port()
        self.user, self.core, self.more_environment = user, core, environment or {}
        self.process, self.ca_file, self.kept_api = None, None, None
        self.shares, self.root_token, self.audit_key = [], None, None

    # What a kind of server says of itself.

    def command(self):
        raise NotImplementedError

    def write_files(self):
        """Writes what the command needs, a configuration file say, before the first start."""

    @property
    def data(self):
        return self.folder / "data"

    def audit_file(self):
        return self.data / "audit.log"

    # Starting and stopping.

    def launch(self):
        """Starts the process and waits for nothing."""
        command = [str(word) for word in self.command()]
        if not os.access(command[0], os.X_OK):
            raise Trouble(f"there is no program {command[0]}: run `cargo build --bins` or scripts/test")
        self.folder.mkdir(parents=True, exist_ok=True)
        self.write_files()
        if self.core is not None and shutil.which("taskset"):
            command = ["taskset", "-c", self.core, *command]
        environment = plain_environment() | {"HOME": str(self.folder)} | self.more_environment
        drop = {} if self.user is None else {"user": self.user, "group": self.user, "extra_groups": []}
        self.hang_up()
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder, env=environment, **drop
            )
        running.add(self)

    def start(self):
        """Starts the process; the seconds until its first answer of any kind."""
        began = time.monotonic()
        self.launch()
        self.wait_for(self.is_up, "answer")
        return time.monotonic() - began

    def is_up(self):
        return bool(self.call("GET", "/v1/sys/seal-status").status)

    def wait_for(self, claim, what, secs=START_SECS_MAX):
        """Waits until `claim()` is true; a process that ends meanwhile is told as such."""

        def holds():
            if self.process.poll() is not None:
                raise Trouble(f"{self.name} ended with {self.process.returncode}:\n{self.log_tail()}")
            return claim()

        try:
            return until(holds, secs, what)
        except Trouble as trouble:
            if self.process.poll() is not None:
                raise
            raise Trouble(f"{self.name}: {trouble}\n{self.log_tail()}") from None

    def kill(self):
        """kill -9, and wait until it is gone."""
        if self.process:
            if self.process.poll() is None:
                self.process.kill()
            self.process.wait()
        running.discard(self)
        self.hang_up()

    def stop(self):
        """Ends the server as an operator would; tells whether it went by itself."""
        if not self.process or self.process.poll() is not None:
            return False
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(STOP_SECS_MAX)
        except subprocess.TimeoutExpired:
            self.kill()
            return False
        self.kill()
        return True

    def __enter__(self):
        if self.process is None:
            self.start()
        return self

    def __exit__(self, *_):
        self.kill()

    # Init and unseal.

    def initialise(self, shares=1, threshold=1):
        """Initialises, and keeps what init answers; returns that document."""
        made = self.api.ask("PUT", "sys/init", {"secret_shares": shares, "secret_threshold": threshold}).document
        self.shares, self.root_token, self.threshold = made["keys_base64"], made["root_token"], threshold
        self.audit_key, self.kept_api.token = made.get("audit_public_key"), self.root_token
        return made

    def unseal(self):
        for share in self.shares[: self.threshold]:
            self.api.ask("PUT", "sys/unseal", {"key": share})
        self.wait_for(lambda: self.api.call("GET", "sys/health").status == 200, "health after the unseal")

    def open(self, shares=1, threshold=1):
        """Starts, initialises and unseals."""
        self.start()
        self.initialise(shares, threshold)
        self.unseal()
        return self

    def start_again(self):
        self.start()
        self.unseal()

    # Talking.

    @property
    def address(self):
        return f"{'https' if self.ca_file else 'http'}://127.0.0.1:{self.port}"

    @property
    def api(self):
        """A client with the root token, which keeps its connections until the server ends or starts anew."""
        if self.kept_api is None:
            self.kept_api = Api(self.address, self.ca_file and str(self.ca_file), self.root_token)
        return self.kept_api

    def hang_up(self):
        if self.kept_api:
            self.kept_api.hang_up()
        self.kept_api = None

    def call(self, method, target, headers=None, body=None, timeout=30):
        """One exchange on a connection of its own; target, headers and body are sent exactly as given."""
        if self.ca_file:
            tls = ssl.create_default_context(cafile=self.ca_file)
            wire = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=timeout, context=tls)
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
            return answer_of(wire.getresponse())
        finally:
            wire.close()

    def ask(self, method, path, body=None, token=None):
        """A JSON call with the root token or another one (`""` for none), whatever the answer."""
        token = self.root_token if token is None else token
        headers = {"X-Vault-Token": token} if token else {}
        return self.call(method, f"/v1/{path}", headers, None if body is None else json.dumps(body))

    # Looking at it.

    @property
    def log_path(self):
        return self.folder / "server.log"

    def log_text(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def log_tail(self):
        return "\n".join(self.log_text().splitlines()[-30:])

    def resident_bytes(self):
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+) kB", status).group(1)) << 10

    def cpu_secs(self):
        """User and system time of the process until now."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Strongroom(Server):
    """`strongroom server --data DIR`: sled, TLS by its own small authority, audit.log in the same folder."""

    name = "Strongroom"

    def __init__(self, folder, program=None, **more):
        super().__init__(folder, **more)
        self.program, self.ca_file = Path(program or strongroom_path()).resolve(), self.data / "tls" / "ca.pem"

    def command(self):
        return [self.program, "server", "--data", self.data, "--listen", f"127.0.0.1:{self.port}"]

    def client(self, *arguments, stdin=None):
        """Runs a command of the command line against this server; returns the finished process."""
        # The command line keeps what it pins (the audit key, a token) with the server and not with who runs a script.
        environment = plain_environment() | {"STRONGROOM_HOME": str(self.folder / "cli"), "VAULT_ADDR": self.address}
        if self.ca_file:
            environment["VAULT_CACERT"] = str(self.ca_file)
        if self.root_token:
            environment["VAULT_TOKEN"] = self.root_token
        command = [str(self.program), *(str(word) for word in arguments)]
        return subprocess.run(command, input=stdin, capture_output=True, text=True, env=environment, timeout=600)


class ConfiguredStrongroom(Strongroom):
    """`strongroom server -config=FILE`: sled and one audit file, plain HTTP on loopback. `tail` is added to the file."""

    def __init__(self, folder, data=None, audit=None, tail="", **more):
        super().__init__(folder, **more)
        self.data_path, self.audit_path, self.tail, self.ca_file = data or self.data, audit, tail, None
        self.config = self.folder / "strongroom.hcl"

    def command(self):
        return [self.program, "server", f"-config={self.config}"]

    def audit_file(self):
        return self.audit_path or self.folder / "audit.log"

    def write_files(self):
        self.config.write_text(
            f"{listener_stanza(self.port)}{storage_stanza(self.data_path)}{audit_stanza(self.audit_file())}"
            f'api_addr = "http://127.0.0.1:{self.port}"\n{self.tail}'
        )


class DevStrongroom(Strongroom):
    """The development server in Vault's way: plain HTTP, unsealed, root token `root`."""

    def __init__(self, folder, **more):
        super().__init__(folder, **more)
        self.ca_file, self.root_token = None, "root"

    def command(self):
        return [self.program, "server", *dev_arguments(self.port)]

    def is_up(self):
        return self.call("GET", "/v1/sys/health").status == 200


class DevTlsStrongroom(Strongroom):
    """The development server as we offer it: TLS on loopback; its printed lines say how to reach it."""

    PRINTED = {
        "ca": r"VAULT_CACERT=['\"]?([^'\"\s]+)",
        "root": r"Root Token: (\S+)",
        "share": r"Unseal Key(?: 1)?: (\S+)",
    }

    def command(self):
        return [self.program, "dev", "--listen", f"127.0.0.1:{self.port}"]

    def is_up(self):
        text = self.log_text()
        printed = {name: re.search(pattern, text) for name, pattern in self.PRINTED.items()}
        if not all(printed.values()):
            return False
        self.ca_file, self.root_token = printed["ca"].group(1), printed["root"].group(1)
        self.shares, self.threshold = [printed["share"].group(1)], 1
        return self.call("GET", "/v1/sys/health").status == 200


class OpenBao(Server):
    """OpenBao with raft storage and a file audit device; plain HTTP, or TLS with the certificate in `tls`."""

    name = "OpenBao"

    def __init__(self, folder, program=None, tls=None, **more):
        super().__init__(folder, **more)
        self.program, self.tls, self.cluster_port = Path(program or openbao_path()).absolute(), tls, free_port()
        self.ca_file = tls and tls / "server.pem"

    def command(self):
        return [self.program, "server", f"-config={self.folder / 'openbao.hcl'}"]

    def write_files(self):
        self.data.mkdir(exist_ok=True)
        tls = "tls_disable = true"
        if self.tls:
            tls = (f'tls_cert_file = "{self.tls}/server.pem"\n  tls_key_file = "{self.tls}/server-key.pem"\n'
                   '  tls_min_version = "tls13"')
        (self.folder / "openbao.hcl").write_text(f"""
listener "tcp" {{
  address         = "127.0.0.1:{self.port}"
  cluster_address = "127.0.0.1:{self.cluster_port}"
  {tls}
}}
storage "raft" {{
  path    = "{self.data}"
  node_id = "n1"
}}
{audit_stanza(self.audit_file())}api_addr     = "{self.address}"
cluster_addr = "https://127.0.0.1:{self.cluster_port}"
""")

    def audit_file(self):
        return self.folder / "audit.log"


class DevOpenBao(OpenBao):
    """OpenBao's development server: plain HTTP, unsealed, root token `root`."""

    def __init__(self, folder, **more):
        super().__init__(folder, **more)
        self.root_token = "root"

    def command(self):
        return [self.program, "server", *dev_arguments(self.port)]

    def write_files(self):
        """It needs none."""

    def is_up(self):
        return self.call("GET", "/v1/sys/health").status == 200


class Bare(Server):
    """examples/bare_server.rs: what axum, hyper and rustls cost without a broker above them."""

    name = "bare axum"

    def __init__(self, folder, program, tls, answer_bytes, **more):
        super().__init__(folder, **more)
        self.program, self.tls, self.answer_bytes, self.ca_file = program.resolve(), tls, answer_bytes, tls / "server.pem"

    def command(self):
        return [
            self.program,
            *("--listen", f"127.0.0.1:{self.port}"),
            *("--cert", self.tls / "server.pem", "--key", self.tls / "server-key.pem"),
            *("--bytes", self.answer_bytes),
        ]


def dev_arguments(port):
    return ["-dev", "-dev-root-token-id=root", f"-dev-listen-address=127.0.0.1:{port}", "-dev-no-store-token"]


def listener_stanza(port):
    return f'listener "tcp" {{\n  address     = "127.0.0.1:{port}"\n  tls_disable = true\n}}\n'


def storage_stanza(path):
    return f'storage "sled" {{\n  path = "{path}"\n}}\n'


def audit_stanza(path):
    return f'audit "file" "main" {{\n  options {{ file_path = "{path}" }}\n}}\n'


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


@atexit.register
def kill_all():
    for server in list(running):
        server.kill()
