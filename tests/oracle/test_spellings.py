"""The oracle's generated questions: each field of each row in the spellings that clients send, asked of both servers.

    pytest tests/oracle/test_spellings.py -k 'role_name and token_ttl'     one field; the questions of others are not asked
"""

import re
import subprocess
import sys

import pytest

import servers
from tests.oracle import known, spoil
from tests.oracle.spelled import AREA
from tests.oracle.spellings import Table

FIELDS = [pytest.param(entry, field, id=f"{entry.name}: {field}") for entry in Table().entries for field in entry.fields]
# Rows that are asked quickly; the first answer to the field is spoiled.
SPOILED = ["POST /auth/approle/role/{role_name}/role-id: role_id", "GET /kv/data/{path}: version", "POST /sys/unseal: migrate"]


@pytest.fixture(scope="session")
def allowed():
    return known.Differences()


def test_each_field_of_each_row_is_asked():
    assert Table().gaps() == []


@pytest.mark.parametrize(("entry", "field"), FIELDS)
def test_spellings_are_read_alike(spelled, oracle, allowed, entry, field):
    results = spelled.results(entry, field)
    assert results
    unanswered = [result.step.name for result in results if not 200 <= result.ours.status < 500]
    assert oracle.against_itself or not unanswered, "\n" + "\n".join(unanswered)
    unknown = [f"{result.step.name}: {found}" for result in results for found in result.differences
               if oracle.against_itself or not allowed.allow(AREA, result.step.name, found)]
    assert not unknown, "\n" + "\n".join(unknown)


@pytest.mark.parametrize(("entry", "field"), FIELDS)
def test_each_spoiled_answer_to_a_spelling_is_noticed(spelled, entry, field):
    """A changed status of each answer; and one answer with a body, spoiled in each way that applies to it."""
    results = spelled.results(entry, field)
    with_body = next((result for result in results if result.ours.body and not result.differences), None)
    for result in results:
        for way, place, worse in spoil.every_way(result.ours):
            if way == "another status" or result is with_body:
                noticed = {difference.what for difference in result.compare_with(worse)} - result.places()
                assert noticed or spoil.is_near(place, result.places()), f"{result.step.name}: spoiled by {way}"


@pytest.mark.parametrize("spoiled", SPOILED)
def test_a_run_with_one_spoiled_spelling_fails(spoiled, request):
    """The whole way, in a run of its own: that field fails, and no other of its row."""
    number = [field.id for field in FIELDS].index(spoiled)
    entry = FIELDS[number].values[0]
    only = " and ".join(["alike", *re.findall(r"[A-Za-z_-]+", entry.name)])
    command = [sys.executable, "-m", "pytest", "-q", "-rf", f"--spoil={AREA}:{number}", str(request.path), "-k", only]
    done = subprocess.run(command, capture_output=True, text=True, cwd=servers.ROOT)
    assert (done.returncode, done.stdout.count("\nFAILED ")) == (1, 1), done.stdout
    assert f"[{spoiled}]" in done.stdout, done.stdout
    assert re.search(r"^1 failed", done.stdout, re.MULTILINE), done.stdout


def test_each_known_difference_of_spellings_is_needed(spelled):
    allowed = known.Differences()
    for entry in Table().entries:
        for field in entry.fields:
            for result in spelled.results(entry, field):
                for found in result.differences:
                    allowed.allow(AREA, result.step.name, found)
    assert allowed.unused(AREA) == []
