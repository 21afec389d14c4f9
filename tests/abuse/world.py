"""The server under abuse: `server --data DIR` over TLS, as an unprivileged user, initialised with 2 of 3 shares, with
mounts to abuse; and what must hold of it after every case.
"""

import functools
import hashlib
import json
import os
import pathlib
import re
import secrets
import shutil
import ssl
import time

import servers
from tests.abuse.wire import Wire, request

NOBODY = 65534
MEMORY_BYTES_SLACK = 32 << 20  # of some 20 MiB; the worst case takes 14
DESCRIPTORS_SLACK = 16
SETTLE_SECS_MAX = 5
HEALTH_SECS_MAX = 2
MOUNTS = (("sys/mounts/secret", {"type": "kv", "options": {"version": "2"}}),
          ("sys/mounts/foo", {"type": "kv", "options": {"version": "2"}}),
          ("sys/mounts/service_tokens", {"type": "service_tokens"}),
          ("sys/auth/approle", {"type": "approle"}))


class Wrong(AssertionError):
    """What a case found."""


@functools.cache
def unprivileged():
    """The program and the user that run the server: root passes permission cases for the wrong reason."""
    program = servers.strongroom_path()
    if os.geteuid() != 0:
        return program, None
    # The checkout may be closed to that user.
    copy = shutil.copy2(program, servers.fresh_folder("abuse-program", base()) / "strongroom")
    os.chmod(copy, 0o755)
    return copy, NOBODY


def base():
    return pathlib.Path(os.environ.get("TMPDIR", "/tmp")) if os.geteuid() == 0 else None


class World:
    def __init__(self):
        program, user = unprivileged()
        self.folder = servers.fresh_folder("abuse", base())
        if user is not None:
            os.chown(self.folder, user, user)
        self.server = servers.Strongroom(self.folder, program, user=user, environment={"RUST_LOG": "trace"})
        self.sources, self.known, self.log = 0, {}, AuditLog(self.server.audit_file())
        self.start()

    # Starting and stopping.

    def start(self):
        self.server.start()
        self.pid, self.tls = self.server.process.pid, ssl.create_default_context(cafile=self.server.ca_file)

    def initialise(self):
        self.init = self.server.initialise(3, 2)
        self.known["root"] = self.root = self.server.root_token
        self.shares = self.server.shares

    def open(self):
        self.initialise()
        self.server.unseal()
        for path, body in MOUNTS:
            self.must("POST", f"/v1/{path}", self.root, body, (200, 204))
        self.server.hang_up()

    def measure(self):
        """Remembers what the idle server takes, for `check`."""
        self.descriptors, self.memory = self.count_descriptors(), self.server.resident_bytes()
        return self

    def crash_and_restart(self):
        self.server.kill()
        self.start()
        self.server.unseal()
        self.server.hang_up()

    def end(self):
        self.server.kill()

    @property
    def root_is_known(self):
        return self.server.root_token is not None

    # Calling.

    def next_source(self):
        """A loopback address that no case used yet: refusals are counted for each address."""
        self.sources += 1
        return f"127.{1 + self.sources // 60000}.{self.sources // 250 % 240}.{1 + self.sources % 250}"

    def wire(self, source="127.0.0.1", receive_bytes=None):
        return Wire(self.server.port, self.tls, source, receive_bytes)

    def bare_wire(self, source="127.0.0.1"):
        """A connection without the TLS handshake."""
        return Wire(self.server.port, None, source)

    def call(self, method, target, token=None, body=None, headers=(), source="127.0.0.1"):
        pairs = list(headers) + ([("X-Vault-Token", token)] if token else [])
        payload = body if body is None or isinstance(body, (str, bytes)) else json.dumps(body)
        wire = self.wire(source)
        try:
            wire.send(request(method, target, pairs, payload))
            return wire.read(head_only=method == "HEAD")
        finally:
            wire.close()

    def must(self, method, target, token, body, statuses):
        reply = self.call(method, target, token, body)
        if reply.status not in statuses:
            raise Wrong(f"{method} {target}: {reply.status} {reply.body[:300]!r}, expected one of {statuses}")
        return reply

    def token(self, policy, **more):
        """A token with exactly this policy; answers it and its accessor."""
        name = f"case-{secrets.token_hex(4)}"
        self.must("PUT", f"/v1/sys/policies/acl/{name}", self.root, {"policy": policy}, (204,))
        body = {"policies": [name], "no_default_policy": True, "ttl": "1h"} | more
        auth = self.must("POST", "/v1/auth/token/create", self.root, body, (200,)).auth
        return auth["client_token"], auth["accessor"]

    def login(self, role, policy="default"):
        """Makes the AppRole role and logs in by it; the answer's `auth`."""
        path = f"/v1/auth/approle/role/{role}"
        self.must("POST", path, self.root, {"token_policies": policy}, (204,))
        role_id = self.must("GET", f"{path}/role-id", self.root, None, (200,)).data["role_id"]
        secret_id = self.must("POST", f"{path}/secret-id", self.root, {}, (200,)).data["secret_id"]
        return self.must("POST", "/v1/auth/approle/login", None, {"role_id": role_id, "secret_id": secret_id}, (200,)).auth

    # What must hold after every case.

    def check(self):
        if self.server.process.pid != self.pid or self.server.process.poll() is not None:
            raise Wrong(f"the process ended: {self.server.log_tail()}")
        started = time.monotonic()
        reply = self.call("GET", "/v1/sys/health")
        took = time.monotonic() - started
        if reply.status != 200 or took > HEALTH_SECS_MAX:
            raise Wrong(f"health: {reply.status} {reply.body!r} after {took:.1f} s")
        if found := re.search(r"panicked at|RUST_BACKTRACE", self.server.log_text()):
            raise Wrong(f"a panic in the log: {self.server.log_text()[max(0, found.start() - 200):found.end() + 300]}")
        self.settle(self.log.trouble, "audit")
        self.settle(self.resource_trouble, "resources")

    def settle(self, trouble, what):
        """Waits until there is no trouble, for a few seconds."""
        deadline = time.monotonic() + SETTLE_SECS_MAX
        while found := trouble():
            if time.monotonic() > deadline:
                raise Wrong(f"{what}: {found}")
            time.sleep(0.02)

    def resource_trouble(self):
        if (memory := self.server.resident_bytes()) > self.memory + MEMORY_BYTES_SLACK:
            return f"{memory >> 20} MiB, {self.memory >> 20} MiB at the start"
        if (descriptors := self.count_descriptors()) > self.descriptors + DESCRIPTORS_SLACK:
            return f"{descriptors} descriptors, {self.descriptors} at the start"
        return None

    def count_descriptors(self):
        """All descriptors; whoever is not root may not look and counts the connections that the kernel lists."""
        if os.geteuid() == 0:
            return len(os.listdir(f"/proc/{self.pid}/fd"))
        return len(self.far_ports())

    def far_ports(self):
        """The other ends of the connections that the server holds."""
        lines = pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]
        fields = [line.split() for line in lines]
        return {int(field[2].split(":")[1], 16) for field in fields
                if int(field[1].split(":")[1], 16) == self.server.port and field[3] in HELD}


HELD = ("01", "08")  # established, and closed by the other side alone, in /proc/net/tcp


class AuditLog:
    """Reads new lines of the audit file: each valid JSON in one chain, every request with one outcome."""

    def __init__(self, path):
        self.path, self.at, self.open, self.prev, self.seq = path, 0, {}, "0" * 64, 0

    def trouble(self):
        """None when all is well; what is merely not there yet is trouble, what is wrong raises."""
        with open(self.path, "rb") as file:
            file.seek(self.at)
            for line in file:
                if not line.endswith(b"\n"):
                    break
                self.at += len(line)
                self.take(line[:-1])
        waiting = [request_id for request_id, count in self.open.items() if count]
        return f"{len(waiting)} requests without an outcome, e.g. {waiting[:3]}" if waiting else None

    def take(self, line):
        if re.search(rb"[\x00-\x1f\x7f]", line):
            raise Wrong(f"a control byte in an audit line: {line[:300]!r}")
        try:
            document = json.loads(line)
        except ValueError as error:
            raise Wrong(f"an audit line is no JSON ({error}): {line[:300]!r}") from None
        if document.get("prev") != self.prev or document.get("seq") != self.seq + 1:
            raise Wrong(f"the chain breaks at seq {document.get('seq')} (after {self.seq})")
        self.prev, self.seq = hashlib.sha256(b"\0" + line).hexdigest(), document["seq"]
        request_id = (document.get("request") or {}).get("id")
        if document.get("type") == "request" and request_id:
            if request_id in self.open:
                raise Wrong(f"two request lines of {request_id}")
            self.open[request_id] = 1
        elif document.get("type") == "response" and request_id in self.open:
            if not self.open[request_id]:
                raise Wrong(f"two outcome lines of {request_id}")
            self.open[request_id] = 0
