"""INVARIANT 41. A log made by real requests, a kill and a restart; the changes that must be named; and both verifiers.

The key is the one that init printed, never the file's.
"""

import importlib.util
import random
import subprocess
import sys

import servers

VERIFIER = servers.ROOT / "scripts" / "verify_audit.py"
SEED = 20261124
REQUESTS, KILL_AFTER = 60, 30


class Log:
    """Its bytes, and the key that init printed."""

    def __init__(self, data, key):
        self.data, self.key, self.lines = data, key, data.splitlines(keepends=True)
        heads = [number for number, line in enumerate(self.lines) if b'"checkpoint"' in line]
        self.first_head, self.last_head = heads[0], heads[-1]

    def below(self, line):
        """How many bytes stand before that line."""
        return sum(len(before) for before in self.lines[:line])


def make(world):
    """Some hundred lines and a clean end, which signs the last head."""
    for number in range(REQUESTS):
        world.must("POST", f"/v1/secret/data/log/{number}", world.root, {"data": {"k": number}}, (200,))
        world.call("GET", f"/v1/secret/data/log/{number}")
        if number == KILL_AFTER:
            world.crash_and_restart()
    world.settle(world.log.trouble, "audit")
    assert world.server.stop(), "the server did not end by SIGTERM"
    return Log(world.server.audit_file().read_bytes(), world.init["audit_public_key"])


# What verifies: each takes a file and a key, and tells whether it believes the file.


def by_ours(path, key):
    command = [servers.strongroom_path(), "audit", "verify", "--public-key", key, "--file", path]
    return subprocess.run(command, capture_output=True).returncode == 0


def by_other(path, key):
    return subprocess.run([sys.executable, VERIFIER, key, path], capture_output=True).returncode == 0


VERIFIERS = {"strongroom audit verify": by_ours, "scripts/verify_audit.py": by_other}


def build_reader():
    """The program of tests/checkpoint_reader, which reads checkpoints with crates of others."""
    manifest, target = servers.ROOT / "tests" / "checkpoint_reader" / "Cargo.toml", servers.ROOT / "var" / "checkpoint_reader"
    command = ["cargo", "build", "--quiet", "--locked", "--manifest-path", manifest, "--target-dir", target]
    subprocess.run(command, check=True)
    return target / "debug" / "checkpoint_reader"


def other_as_module():
    """The independent verifier without a process for each question."""
    spec = importlib.util.spec_from_file_location("verify_audit", VERIFIER)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# What is changed before the last signed head: each takes the log and a random source, and answers the bytes after it.


def flip_a_byte(log, rng):
    at = rng.randrange(log.below(log.last_head + 1))
    return log.data[:at] + bytes([log.data[at] ^ 1 << rng.randrange(8)]) + log.data[at + 1:]


def take_a_line_out(log, rng):
    at = rng.randrange(log.last_head)
    return b"".join(log.lines[:at] + log.lines[at + 1:])


def double_a_line(log, rng):
    at = rng.randrange(log.last_head)
    return b"".join(log.lines[:at + 1] + log.lines[at:])


def move_a_line_up(log, rng):
    at = rng.randrange(1, log.last_head)
    return b"".join(log.lines[:at - 1] + [log.lines[at], log.lines[at - 1]] + log.lines[at + 1:])


def put_a_line_in(log, _):
    return b"".join([*log.lines[:5], b'{"forged":1}\n', *log.lines[5:]])


def take_the_first_line_out(log, _):
    return b"".join(log.lines[1:])


CHANGES = [(flip_a_byte, 30), (take_a_line_out, 8), (double_a_line, 8), (move_a_line_up, 8), (put_a_line_in, 1), (take_the_first_line_out, 1)]


def changes():
    """(name, change, random source's seed) of every change, the same in each run."""
    for change, times in CHANGES:
        for number in range(times):
            yield f"{change.__name__} {number + 1}", change, SEED + number


def changed(log, change, seed):
    return change(log, random.Random(seed))
