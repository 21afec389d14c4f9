"""The audit log under other eyes: both verifiers believe it as it is, and name it once it was changed.

    pytest tests/abuse/test_audit_verify.py --long      flips every byte up to and including the first signed head
"""

import base64
import re
import subprocess

import pytest

from tests.abuse import audit_verify
from tests.abuse.audit_verify import VERIFIERS
from tests.abuse.world import World

OTHER_KEY = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
CHANGED = [pytest.param(change, seed, id=name) for name, change, seed in audit_verify.changes()]
each_verifier = pytest.mark.parametrize("believes", VERIFIERS.values(), ids=VERIFIERS.keys())


@pytest.fixture(scope="module")
def log():
    world = World()
    world.open()
    yield audit_verify.make(world)
    world.end()


@pytest.fixture
def file(log, folder):
    path = folder / "audit.log"
    path.write_bytes(log.data)
    return path


@each_verifier
def test_a_log_is_believed_as_it_is(log, file, believes):
    assert len(log.lines) > 100
    assert believes(file, log.key)


@each_verifier
def test_a_log_is_not_believed_by_another_key(file, believes):
    assert not believes(file, OTHER_KEY)


@each_verifier
@pytest.mark.parametrize(("change", "seed"), CHANGED)
def test_a_changed_log_is_not_believed(log, file, believes, change, seed):
    file.write_bytes(audit_verify.changed(log, change, seed))
    assert not believes(file, log.key)


def test_checkpoints_are_read_by_programs_of_others(log, file):
    """INVARIANT 41: crates that others wrote read every checkpoint, the one that says `final` too, and no changed log."""
    reader = audit_verify.build_reader()
    read = lambda key: subprocess.run([reader, key, file], capture_output=True, text=True)
    whole = read(log.key)
    count, finals = (int(word) for word in re.findall(r"\d+", whole.stdout))
    assert whole.returncode == 0 and count > 2 and finals == 1, whole
    assert read(OTHER_KEY).returncode != 0
    changed = {name: audit_verify.changed(log, change, seed) for name, change, seed in audit_verify.changes()}
    # It reads checkpoints only: what a changed byte does to the last one's own line besides, it does not see.
    changed = {name: data for name, data in changed.items() if log.lines[log.last_head] in data}
    believed = [name for name, data in changed.items() if file.write_bytes(data) and read(log.key).returncode == 0]
    assert len(changed) > 40 and not believed


def test_no_byte_up_to_the_first_head_can_be_flipped(log, file, pytestconfig):
    """Each byte in turn (each hundredth in the short form), up to and including a signed head that is the last line.

    The independent verifier is asked up to that head: spoiled, the head is to it an unsigned line of the future.
    """
    short, signed = b"".join(log.lines[:log.first_head + 1]), log.below(log.first_head)
    other, key = audit_verify.other_as_module(), base64.b64decode(log.key)
    step, believed = (1 if pytestconfig.getoption("--long") else 100), []
    for at in range(0, len(short), step):
        file.write_bytes(short[:at] + bytes([short[at] ^ 1]) + short[at + 1:])
        if VERIFIERS["strongroom audit verify"](file, log.key):
            believed.append(f"byte {at}: ours")
        if at < signed and is_believed(other, key, file):
            believed.append(f"byte {at}: the other")
    assert believed == []


def is_believed(other, key, file):
    try:
        other.verify(key, [file])
    except Exception:  # noqa: BLE001: any refusal will do
        return False
    return True
