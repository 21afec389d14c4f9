"""The oracle: a real OpenBao and Strongroom are asked the same things in one go, and their answers compared.

    pytest tests/oracle                          all scenarios, one test a step
    pytest tests/oracle -k 'kv_data and cas'     some steps; their scenario is played to its end
    pytest tests/oracle --show -s -k approle     prints what OpenBao answers, to write scenarios by
    pytest tests/oracle --itself                 OpenBao beside OpenBao: shows that the shapes hold
"""

import re
import subprocess
import sys

import pytest

import servers
from tests.oracle import coverage, document, known, spoil
from tests.oracle.scenario import Scenario, areas

STEPS = [
    pytest.param(area, number, id=f"{area}: {step.name}")
    for area in areas()
    for number, step in enumerate(Scenario(area).steps)
]
SPOILED = ["status:6", "ui_mounts:9", "routing:13"]


@pytest.fixture(scope="session")
def allowed():
    return known.Differences()


@pytest.mark.parametrize(("area", "number"), STEPS)
def test_answers_are_the_same(oracle, allowed, area, number, request):
    result = oracle.results(area)[number]
    if request.config.getoption("--show"):
        print(f"{result.step.name}\n    → {result.theirs.status} {result.theirs.text.strip()[:700]}")
    assert result.failure is None, "strongroom gave no answer"
    unknown = [
        str(found)
        for found in result.differences
        if oracle.against_itself or not allowed.allow(area, result.step.name, found)
    ]
    assert not unknown, "\n" + "\n".join(unknown)


@pytest.mark.parametrize("area", areas())
def test_every_spoiled_answer_is_noticed(oracle, area):
    """Each answer, spoiled in each way that applies to it, must differ where it did not differ before."""
    noticed, unseen = 0, []
    for result in oracle.results(area):
        before = result.places()
        for way, place, worse in spoil.every_way(result.ours):
            if {difference.what for difference in result.compare_with(worse)} - before:
                noticed += 1
            elif not spoil.is_near(place, before):
                unseen.append(f"{result.step.name}: spoiled by {way}")
    assert noticed and not unseen, "\n".join(unseen)


@pytest.mark.parametrize("spoiled", SPOILED)
def test_a_run_with_one_spoiled_answer_fails(spoiled, request):
    """The whole way, in a run of its own: that step fails, and no other."""
    area, number = spoiled.split(":")
    name = f"test_answers_are_the_same[{area}: {Scenario(area).steps[int(number)].name}]"
    command = [sys.executable, "-m", "pytest", "-q", "-rf", str(request.path), f"--spoil={spoiled}", "-k", f"same and {area}:"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=servers.ROOT)
    assert (done.returncode, done.stdout.count("\nFAILED ")) == (1, 1), done.stdout
    assert name in done.stdout, done.stdout
    assert re.search(r"^1 failed, \d+ passed", done.stdout, re.MULTILINE), done.stdout


def test_every_known_difference_is_needed(oracle):
    allowed = known.Differences()
    for area in areas():
        for result in oracle.results(area):
            for found in result.differences:
                allowed.allow(area, result.step.name, found)
    assert allowed.unused() == []


def test_every_row_is_called_in_each_way(oracle, folder):
    counted = coverage.Coverage()
    for area in areas():
        for result in oracle.results(area):
            if result.ours:
                counted.count(result.step, result.target, result.ours.status)
    with servers.DevStrongroom(folder) as server:
        counted.ask(server)
    assert len(counted.rows) > 60
    assert counted.missing() == []


def test_the_page_on_compatibility_is_made_anew():
    assert document.PAGE.read_text() == document.page(), "run tests/oracle/document.py"
