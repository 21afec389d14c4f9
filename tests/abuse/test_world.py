"""What is checked after every case can fail: a control for each check."""

import json
import re
import subprocess
import sys

import pytest

from tests.abuse.world import DESCRIPTORS_SLACK, MEMORY_BYTES_SLACK, AuditLog, Wrong


def test_connections_that_stay_are_noticed(world):
    held = [world.wire() for _ in range(DESCRIPTORS_SLACK + 4)]
    try:
        assert "descriptors" in (world.resource_trouble() or "")
    finally:
        for wire in held:
            wire.close()


def test_memory_that_stays_is_noticed(world):
    """A process that takes more than the slack stands in for the server."""
    hungry = subprocess.Popen([sys.executable, "-c", f"held = bytearray({MEMORY_BYTES_SLACK}); print(len(held), flush=True); input()"],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    real, memory = world.server.process, world.memory
    try:
        hungry.stdout.readline()
        world.server.process, world.memory = hungry, 0
        assert "MiB" in (world.resource_trouble() or "")
    finally:
        world.server.process, world.memory = real, memory
        hungry.kill()
        hungry.communicate()


def test_a_panic_in_the_log_is_noticed(world):
    text = world.server.log_path.read_text(errors="replace")
    try:
        with open(world.server.log_path, "a") as log:
            log.write("thread 'main' panicked at src/x.rs\n")
        with pytest.raises(Wrong, match="a panic in the log"):
            world.check()
    finally:
        cut = world.server.log_path.read_text(errors="replace").replace("thread 'main' panicked at src/x.rs\n", "")
        world.server.log_path.write_text(cut)
    assert not re.search("panicked at", text)


@pytest.fixture
def lines(world):
    """The audit file of the world as it is, whole lines only."""
    world.settle(world.log.trouble, "audit")
    return world.log.path.read_bytes()[: world.log.at].splitlines(keepends=True)


def read_anew(folder, lines):
    path = folder / "audit.log"
    path.write_bytes(b"".join(lines))
    return AuditLog(path).trouble()


def test_the_audit_log_reads_as_one_chain(folder, lines):
    assert read_anew(folder, lines) is None


SPOILED = {
    "a lost line": (lambda lines: lines[:5] + lines[6:], "the chain breaks"),
    "a doubled line": (lambda lines: [*lines[:5], lines[4], *lines[5:]], "the chain breaks"),
    "a control byte": (lambda lines: [lines[0].replace(b'"', b'"\x1b', 1), *lines[1:]], "a control byte"),
    "a line that is no JSON": (lambda lines: [b"x" + lines[0], *lines[1:]], "no JSON"),
}


@pytest.mark.parametrize(("spoil", "told"), SPOILED.values(), ids=SPOILED.keys())
def test_a_spoiled_audit_log_is_noticed(folder, lines, spoil, told):
    with pytest.raises(Wrong, match=told):
        read_anew(folder, spoil(lines))


def test_a_request_without_its_outcome_is_noticed(folder, lines):
    last = max(number for number, line in enumerate(lines) if json.loads(line)["type"] == "request")
    assert "without an outcome" in read_anew(folder, lines[: last + 1])
