"""The server under abuse: `server --data DIR` over TLS, as an unprivileged user, initialised with 2 of 3 shares, with
mounts to abuse; and what must hold of it after every case.
"""

import hashlib
import json
import os
import pathlib
import re
import secrets
import shutil
import time

from tests.abuse.wire import Wire, request
from tests.oracle import servers

NOBODY = 65534
MEMORY_BYTES_SLACK = 256 << 20
DESCRIPTORS_SLACK = 16
SETTLE_SECS_MAX = 5
MOUNTS = (("sys/mounts/secret", {"type": "kv", "options": {"version": "2"}}),
          ("sys/mounts/foo", {"type": "kv", "options": {"version": "2"}}),
          ("sys/mounts/service_tokens", {"type": "service_tokens"}),
          ("sys/auth/approle", {"type": "approle"}))


class Wrong(Exception):
    """What a case found."""


class World:
    def __init__(self, initialise=True):
        self.port = servers.free_port()
        base = pathlib.Path(os.environ.get("TMPDIR", "/tmp")) if os.geteuid() == 0 else servers.ROOT / "var" / "tests"
        base.mkdir(parents=True, exist_ok=True)
        self.directory = base / f"strongroom-abuse-{secrets.token_hex(4)}"
        self.directory.mkdir(mode=0o755)
        binary, user = servers.strongroom_path(), None
        if os.geteuid() == 0:
            # Root passes permission cases for the wrong reason, and its checkout may be closed to others.
            user, binary = NOBODY, shutil.copy2(binary, self.directory / "strongroom")
            os.chmod(binary, 0o755)
            os.chown(self.directory, user, user)
        self.data = self.directory / "data"
        command = [str(binary), "server", "--data", str(self.data), "--listen", f"127.0.0.1:{self.port}"]
        self.server = servers.Server("strongroom", command, self.port, self.directory, {"RUST_LOG": "trace"}, user)
        self.sources = 0
        self.ca_file, self.root, self.shares, self.known = None, None, [], {}
        self.audit_at, self.audit_open, self.audit_prev, self.audit_seq = 0, {}, "0" * 64, 0
        self.launch()
        if initialise:
            self.initialise()
        self.descriptors, self.memory = self.count_descriptors(), self.memory_bytes()

    # Starting and stopping.

    def launch(self):
        printed = len(self.server.log_text())
        self.server.launch()

        def is_up():
            found = re.findall(r"VAULT_CACERT=['\"]?([^'\"\s]+)", self.server.log_text()[printed:])
            self.ca_file = found and found[-1]
            return self.ca_file and self.call("GET", "/v1/sys/seal-status").status == 200

        self.server.wait_for(is_up, "line with VAULT_CACERT and an answer of seal-status over TLS")
        self.pid = self.server.process.pid

    def initialise(self):
        reply = self.call("PUT", "/v1/sys/init", body={"secret_shares": 3, "secret_threshold": 2})
        if reply.status != 200:
            raise SystemExit(f"init: {reply.status} {reply.body!r}")
        document = reply.document()
        self.root, self.shares, self.init = document["root_token"], document["keys_base64"], document
        self.known["root"] = self.root
        self.unseal()
        for path, body in MOUNTS:
            self.must("POST", f"/v1/{path}", self.root, body, (200, 204))

    def unseal(self):
        for share in self.shares[:2]:
            self.call("PUT", "/v1/sys/unseal", body={"key": share})
        reply = self.call("GET", "/v1/sys/health")
        if reply.status != 200:
            raise Wrong(f"not healthy after the unseal: {reply.status} {reply.body!r}")

    def crash_and_restart(self):
        self.server.kill()
        self.launch()
        self.unseal()

    def end(self):
        self.server.kill()
        shutil.rmtree(self.directory, ignore_errors=True)

    # Calling.

    def next_source(self):
        """A loopback address that no case used yet: refusals are counted for each address."""
        self.sources += 1
        return f"127.{1 + self.sources // 60000}.{self.sources // 250 % 240}.{1 + self.sources % 250}"

    def wire(self, source="127.0.0.1", **how):
        return Wire(self.port, self.ca_file, source, **how)

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
        auth = self.must("POST", "/v1/auth/token/create", self.root, body, (200,)).document()["auth"]
        return auth["client_token"], auth["accessor"]

    # What must hold after every case.

    def check(self):
        if self.server.process.pid != self.pid or self.server.process.poll() is not None:
            raise Wrong(f"the process ended: {self.server.log_tail()}")
        started = time.monotonic()
        reply = self.call("GET", "/v1/sys/health")
        if reply.status not in (200, 501, 503) or time.monotonic() - started > 1 and reply.status != 200:
            raise Wrong(f"health: {reply.status} after {time.monotonic() - started:.1f} s")
        if self.root and reply.status != 200:
            raise Wrong(f"health: {reply.status} {reply.body!r}")
        if found := re.search(r"panicked at|RUST_BACKTRACE", self.server.log_text()):
            raise Wrong(f"a panic in the log: {self.server.log_text()[found.start() - 200:found.end() + 300]}")
        if self.root:
            self.settle(self.audit_trouble, "audit")
        self.settle(self.resource_trouble, "resources")

    def settle(self, trouble, what):
        deadline = time.monotonic() + SETTLE_SECS_MAX
        while found := trouble():
            if time.monotonic() > deadline:
                raise Wrong(f"{what}: {found}")
            time.sleep(0.1)

    def resource_trouble(self):
        if (memory := self.memory_bytes()) > self.memory + MEMORY_BYTES_SLACK:
            return f"{memory >> 20} MiB, {self.memory >> 20} MiB at the start"
        if (descriptors := self.count_descriptors()) > self.descriptors + DESCRIPTORS_SLACK:
            return f"{descriptors} descriptors, {self.descriptors} at the start"
        return None

    def memory_bytes(self):
        status = pathlib.Path(f"/proc/{self.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status).group(1)) << 10

    def count_descriptors(self):
        try:
            return len(os.listdir(f"/proc/{self.pid}/fd"))
        except PermissionError:  # a process that is not dumpable shows them to root alone
            return 0

    # The audit file.

    def audit_file(self):
        return self.data / "audit.log"

    def audit_trouble(self):
        """Reads new lines: each valid JSON in one chain, every request with one outcome. None when all is well."""
        with open(self.audit_file(), "rb") as file:
            file.seek(self.audit_at)
            for line in file:
                if not line.endswith(b"\n"):
                    break
                self.audit_at += len(line)
                self.take_line(line[:-1])
        waiting = [request_id for request_id, count in self.audit_open.items() if count]
        return f"{len(waiting)} requests without an outcome, e.g. {waiting[:3]}" if waiting else None

    def take_line(self, line):
        if re.search(rb"[\x00-\x1f\x7f]", line):
            raise Wrong(f"a control byte in an audit line: {line[:300]!r}")
        try:
            document = json.loads(line)
        except ValueError as error:
            raise Wrong(f"an audit line is no JSON ({error}): {line[:300]!r}") from None
        if document.get("prev") != self.audit_prev or document.get("seq") != self.audit_seq + 1:
            raise Wrong(f"the chain breaks at seq {document.get('seq')} (after {self.audit_seq})")
        self.audit_prev, self.audit_seq = hashlib.sha256(b"\0" + line).hexdigest(), document["seq"]
        request_id = (document.get("request") or {}).get("id")
        if document.get("type") == "request" and request_id:
            if request_id in self.audit_open:
                raise Wrong(f"two request lines of {request_id}")
            self.audit_open[request_id] = 1
        elif document.get("type") == "response" and request_id in self.audit_open:
            if not self.audit_open[request_id]:
                raise Wrong(f"two outcome lines of {request_id}")
            self.audit_open[request_id] = 0
