"""Trouble that an operator meets: each is told in words that say what to do, and nothing is lost by it."""

import contextlib
import json
import re
import shutil
import subprocess
import time

from tests.oracle import servers

RECOVERY_SECS_MAX = 10


def wrong_configuration(check):
    """A wrong key stops the start, with its line and what was probably meant."""
    folder = servers.fresh_directory("config")
    listener = 'listener "tcp" {\n  address     = "127.0.0.1:1"\n  tls_disable = true\n}\n'
    storage = f'storage "sled" {{\n  path = "{folder}/data"\n}}\n'
    for what, text, line, words in (
        ("a misspelt key", listener.replace("address ", "adress ") + storage, 2, ["adress", "address"]),
        ("a misspelt stanza", listener.replace("listener", "listner") + storage, 1, ["listner", "listener"]),
        ("a storage that is not built", listener + storage.replace("sled", "raft"), 5, ["raft", "sled"]),
        ("a seal that is not built", listener + storage + 'seal "awskms" {\n}\n', 8, ["awskms"]),
        ("a text without an end", listener + 'cluster_name = "x\n' + storage, 5, []),
    ):
        file = folder / "strongroom.hcl"
        file.write_text(text)
        done = run("server", f"-config={file}")
        told = done.stdout + done.stderr
        check(f"{what}: exit code", done.returncode, 1)
        check(f"{what}: the line, in {told!r}", f"strongroom.hcl:{line}" in told or f"line {line}" in told, True)
        check(f"{what}: names in {told!r}", [word for word in words if word not in told], [])
        check(f"{what}: nothing was made", (folder / "data").exists(), False)
    shutil.rmtree(folder)


def refused_starts(check):
    """A second process, a damaged file, an audit log that cannot be opened."""
    folder, server = opened("start")
    data = folder / "data"
    second = run("server", "--data", str(data), "--listen", f"127.0.0.1:{servers.free_port()}")
    check("a second process: exit code", second.returncode, 1)
    check(f"a second process: {second.stderr!r}", "is locked" in second.stderr and "stop the other process" in second.stderr, True)
    check("the first goes on", server.ask("GET", "secret/data/a").status, 200)
    server.stop()

    blocked = folder / "blocked"
    blocked.mkdir()
    file = folder / "audit.hcl"
    file.write_text(f'listener "tcp" {{\n  address = "127.0.0.1:1"\n  tls_disable = true\n}}\nstorage "sled" {{\n  path = "{data}"\n}}\n'
                    f'audit "file" "main" {{\n  options {{ file_path = "{blocked}" }}\n}}\n')
    done = run("server", f"-config={file}")
    check("an audit log that is a folder: exit code", done.returncode, 1)
    check(f"an audit log that is a folder: {done.stderr!r}", str(blocked) in done.stderr and "audit" in done.stderr, True)

    kept = folder / "kept"
    shutil.copytree(data, kept)
    spoil(data / "boot.a")
    server.start_again()
    check("one damaged boot copy is none", server.ask("GET", "secret/data/a").status, 200)
    server.stop()
    for what, files in (("both boot copies", ["boot.a", "boot.b"]), ("the store", ["sled/db"])):
        shutil.rmtree(data)
        shutil.copytree(kept, data)
        for name in files:
            spoil(data / name)
        done = run("server", "--data", str(data), "--listen", f"127.0.0.1:{servers.free_port()}")
        told = done.stdout + done.stderr
        check(f"{what} damaged: exit code", done.returncode, 8)
        check(f"{what} damaged: {told!r}", "damaged" in told and "restore it from a backup" in told, True)
        check(f"{what} damaged: no panic is shown", "panicked" in told, False)
    shutil.rmtree(data)
    shutil.copytree(kept, data)
    server.start_again()
    check("the kept folder opens", server.ask("GET", "secret/data/a").status, 200)
    server.kill()
    shutil.rmtree(folder)


def full_disk(check):
    """The store on a file system that fills up: writes are refused by name, reads and revocations go on."""
    with small_disk("disk", "64m") as disk:
        folder, server = opened("disk", data=disk / "data", audit=servers.fresh_directory("disk-audit") / "audit.log")
        child = server.ask("POST", "auth/token/create", {"policies": ["default"]}).document["auth"]["client_token"]
        server.ask("POST", "secret/data/old", {"data": {"v": "example"}})
        fill(disk, leave=2 << 20)
        refused = server.ask("POST", "secret/data/b", {"data": {"v": "example"}})
        check("a write is refused", refused.status, 503)
        check(f"the refusal says why: {refused.text}", "free space there" in refused.text, True)
        check("reads go on", server.ask("GET", "secret/data/a").status, 200)
        check("a refused write changed nothing", server.ask("GET", "secret/data/b").status, 404)
        check("revocation goes on", server.ask("POST", "auth/token/revoke", {"token": child}).status, 204)
        check("deletes go on", server.ask("DELETE", "secret/data/old").status, 204)
        check("what was deleted is gone", server.ask("GET", "secret/data/old").status, 404)
        check("the operator's log names the place", str(disk) in server.log_text(), True)
        (disk / "filler").unlink()
        check("room again: writes go on", until(lambda: server.ask("POST", "secret/data/b", {"data": {"v": "example"}}).status == 200), True)
        server.kill()
        server.start_again()
        check("after kill -9 it is all there", [server.ask("GET", f"secret/data/{name}").status for name in "ab"], [200, 200])
        check("and what was revoked is dead", server.ask("GET", "auth/token/lookup-self", token=child).status, 403)
        server.kill()
        shutil.rmtree(folder)


def failing_audit_device(check):
    """AUD-02. The audit log on a file system that fills up: nothing is performed, nothing leaves, and it recovers."""
    with small_disk("audit", "1m") as disk:
        audit = disk / "audit.log"
        folder, server = opened("audit", audit=audit)
        reader = server.ask("POST", "auth/token/create", {"policies": ["root"], "ttl": "1h"}).document["auth"]["client_token"]
        fill(disk)
        # The file system still has room in the last page of the log: it is used up by requests.
        check("a change is refused", until(lambda: server.ask("POST", "secret/data/c", {"data": {"v": "example"}}).status == 503), True)
        changed = server.ask("POST", "secret/data/d", {"data": {"v": "example-withheld"}})
        check("a change is refused again", changed.status, 503)
        check(f"the refusal says why: {changed.text}", "audit" in changed.text, True)
        read = server.ask("GET", "secret/data/a", token=reader)
        check("an answer is withheld", (read.status, "example" in read.text), (503, False))
        health = server.ask("GET", "sys/health")
        check(f"health answers: {health.text}", health.status, 200)
        check("the operator's log names the file", str(audit) in server.log_text(), True)
        check("a seal still works", server.ask("PUT", "sys/seal", {}).status, 204)
        check("and the operator's log has it", "goes on without a line in the audit log" in server.log_text(), True)
        refused = server.ask("PUT", "sys/unseal", {"key": server.share})
        check(f"an unseal is refused: {refused.text}", (refused.status, "audit" in refused.text), (503, True))
        (disk / "filler").unlink()
        check("room again: it unseals", until(lambda: server.ask("PUT", "sys/unseal", {"key": server.share}).status == 200), True)
        check("and requests go on", server.ask("GET", "secret/data/a").status, 200)
        check("what was refused did not happen", server.ask("GET", "secret/data/d").status, 404)
        server.stop()
        seals = [line for line in whole_lines(audit) if line.get("request", {}).get("path") == "sys/seal"]
        check("the seal has its two lines after all", [(line["type"], line.get("response", {}).get("status")) for line in seals], [("request", None), ("response", 204)])
        done = run("audit", "verify", "--file", str(audit), "--public-key", server.audit_key)
        check(f"the log proves itself: {done.stdout}{done.stderr}", done.returncode, 0)
        shutil.rmtree(folder)


# What the parts share.


class Served(servers.Server):
    """A server with a store that was initialised with one share."""

    def unseal(self):
        self.ask("PUT", "sys/unseal", {"key": self.share})
        self.wait_for(lambda: self.ask("GET", "sys/health").status == 200, "health after the unseal")

    def start_again(self):
        self.launch()
        self.wait_for(lambda: self.ask("GET", "sys/seal-status").status == 200, "answer of seal-status")
        self.unseal()

    def ask(self, method, path, body=None, token=None):
        headers = {"X-Vault-Token": token or self.root_token}
        answer = self.call(method, f"/v1/{path}", headers, None if body is None else json.dumps(body))
        answer.text = answer.body.decode(errors="replace")
        answer.document = json.loads(answer.text) if answer.text else {}
        return answer


def opened(label, data=None, audit=None):
    """A running, open server with a secret at `secret/a`; and the folder that it lies in."""
    folder, port = servers.fresh_directory(f"operator-{label}"), servers.free_port()
    data = data or folder / "data"
    file = folder / "strongroom.hcl"
    log = audit or folder / "audit.log"
    file.write_text(f'listener "tcp" {{\n  address = "127.0.0.1:{port}"\n  tls_disable = true\n}}\nstorage "sled" {{\n  path = "{data}"\n}}\n'
                    f'audit "file" "main" {{\n  options {{ file_path = "{log}" }}\n}}\n')
    server = Served("strongroom", [servers.strongroom_path(), "server", f"-config={file}"], port, folder)
    server.launch()
    server.wait_for(lambda: server.ask("GET", "sys/seal-status").status == 200, "answer of seal-status")
    made = server.ask("PUT", "sys/init", {"secret_shares": 1, "secret_threshold": 1}).document
    server.share, server.root_token, server.audit_key = made["keys_base64"][0], made["root_token"], made["audit_public_key"]
    server.unseal()
    server.ask("POST", "sys/mounts/secret", {"type": "kv", "options": {"version": "2"}})
    server.ask("POST", "secret/data/a", {"data": {"v": "example"}})
    return folder, server


@contextlib.contextmanager
def small_disk(label, size):
    """A file system of that size, which goes away with all that is in it."""
    place = servers.fresh_directory(f"{label}-disk")
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=0700", "tmpfs", str(place)], check=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)
        place.rmdir()


def fill(disk, leave=0):
    """Leaves so many bytes."""
    with open(disk / "filler", "wb", buffering=0) as filler:
        for size in (1 << 20, 4096, 1):
            with contextlib.suppress(OSError):
                while True:
                    filler.write(b"\0" * size)
        filler.truncate(filler.tell() - leave)


def whole_lines(audit):
    """The lines of a log but for one that was torn when the disk was full."""
    for line in audit.read_text().splitlines():
        with contextlib.suppress(ValueError):
            yield json.loads(line)


def spoil(file):
    """Writes over a page in the middle, and over the first bytes."""
    size = file.stat().st_size
    with open(file, "r+b") as damaged:
        for at in {0, size // 2}:
            damaged.seek(at)
            damaged.write(b"\xa5" * min(4096, size))


def until(holds):
    ends = time.monotonic() + RECOVERY_SECS_MAX
    while time.monotonic() < ends:
        if holds():
            return True
        time.sleep(0.1)
    return False


def run(*arguments):
    done = subprocess.run([servers.strongroom_path(), *arguments], capture_output=True, text=True, timeout=30)
    done.stderr = re.sub(r"\x1b\[[0-9;]*m", "", done.stderr)
    return done
