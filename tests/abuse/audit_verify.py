#!/usr/bin/env python3
"""INVARIANT 41. The audit log under other eyes: a log is made by real requests, a kill and a restart, and both verifiers
believe it; then bytes are flipped, lines taken out, doubled and moved, and both must name it. The key is the one that
init printed, never the file's.

    audit_verify.py          about 60 changed files
    audit_verify.py --long   a flip of every byte up to and including the first signed head
"""

import base64
import importlib.util
import random
import subprocess
import sys
import time

sys.path.insert(0, __file__.rsplit("/tests/", 1)[0])

from tests.abuse.world import World  # noqa: E402
from tests.oracle import servers  # noqa: E402

VERIFIER = servers.ROOT / "scripts" / "verify_audit.py"
SEED = 20261124


def load(path):
    spec = importlib.util.spec_from_file_location("verify_audit", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def make_log():
    """Some hundred lines, a kill and a restart between them, and a clean end, which signs the last head. Answers bytes and key."""
    world = World()
    try:
        for number in range(60):
            world.must("POST", f"/v1/secret/data/log/{number}", world.root, {"data": {"k": number}}, (200,))
            world.call("GET", f"/v1/secret/data/log/{number}")
            if number == 30:
                world.crash_and_restart()
        time.sleep(0.3)
        if not world.server.stop():
            raise SystemExit("the server did not end by SIGTERM within ten seconds")
        return world.audit_file().read_bytes(), world.init["audit_public_key"]
    finally:
        world.end()


def believed_by_ours(path, key):
    done = subprocess.run([servers.strongroom_path(), "audit", "verify", "--public-key", key, "--file", str(path)], capture_output=True, text=True)
    return done.returncode == 0, done.stdout + done.stderr


def believed_by_other(path, key):
    done = subprocess.run([sys.executable, str(VERIFIER), key, str(path)], capture_output=True, text=True)
    return done.returncode == 0, done.stdout + done.stderr


def changed(log):
    """(what was done, the file after it) for changes before the last signed head."""
    lines, rng = log.splitlines(keepends=True), random.Random(SEED)
    last = max(number for number, line in enumerate(lines) if b'"checkpoint"' in line)
    end = sum(len(line) for line in lines[:last + 1])
    for _ in range(30):
        at = rng.randrange(end)
        yield f"byte {at} flipped", log[:at] + bytes([log[at] ^ 1 << rng.randrange(8)]) + log[at + 1:]
    for number in rng.sample(range(last), 8):
        rest = lines[:number] + lines[number + 1:]
        yield f"line {number + 1} taken out", b"".join(rest)
        yield f"line {number + 1} doubled", b"".join(lines[:number + 1] + lines[number:])
        if number:
            yield f"line {number + 1} moved up", b"".join(lines[:number - 1] + [lines[number], lines[number - 1]] + lines[number + 1:])
    yield "a line put in", b"".join(lines[:5] + [b'{"forged":1}\n'] + lines[5:])
    yield "the first line taken out", b"".join(lines[1:])


def main():
    log, key = make_log()
    path = servers.fresh_directory("audit-verify") / "audit.log"
    passed = failed = 0

    def count(holds, text):
        nonlocal passed, failed
        passed, failed = passed + bool(holds), failed + (not holds)
        if not holds:
            print(f"FAILED {text}")

    path.write_bytes(log)
    print(f"a log of {len(log.splitlines())} lines, key {key}")
    for name, verifier in (("strongroom audit verify", believed_by_ours), ("scripts/verify_audit.py", believed_by_other)):
        holds, said = verifier(path, key)
        count(holds, f"{name} does not believe the log as it is: {said}")
        count(not verifier(path, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")[0], f"{name} believes another key")
        for what, data in changed(log):
            path.write_bytes(data)
            count(not verifier(path, key)[0], f"{name} believes a log with {what}")
        path.write_bytes(log)
    if "--long" in sys.argv:
        passed, failed = every_byte(log, key, path, passed, failed)
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed or not passed else 0)


def every_byte(log, key, path, passed, failed):
    """Each byte in turn, up to and including a signed head that is the last line; the first head keeps it within minutes.

    The independent verifier is asked up to that head: spoiled, the head is to it an unsigned line of the future.
    """
    lines = log.splitlines(keepends=True)
    head = next(number for number, line in enumerate(lines) if b'"checkpoint"' in line)
    short, signed = b"".join(lines[:head + 1]), sum(len(line) for line in lines[:head])
    module, raw = load(VERIFIER), base64.b64decode(key)
    for at in range(len(short)):
        path.write_bytes(short[:at] + bytes([short[at] ^ 1]) + short[at + 1:])
        believed = [believed_by_ours(path, key)[0]]
        if at < signed:
            try:
                module.verify(raw, [path])
                believed.append(True)
            except Exception:  # noqa: BLE001: any refusal will do
                believed.append(False)
        passed, failed = passed + believed.count(False), failed + believed.count(True)
        if any(believed):
            print(f"FAILED byte {at} flipped is believed by {'both' if all(believed) else 'one'} of the verifiers")
    return passed, failed


if __name__ == "__main__":
    main()
