"""The cases of cases/*.toml, one test each: `pytest tests/abuse -k ACL-01`."""

import pytest

from tests.abuse import cases
from tests.abuse.cases import Wrong

CASES = [pytest.param(case, id=f"{case['id']} {case['name']}") for case in cases.listed()]
STEP_KEYS = {"expect", "exactly"}


@pytest.mark.parametrize("case", CASES)
def test_case(case, request):
    world = request.getfixturevalue("sealed_world" if case.get("server") == "sealed" else "world")
    assert cases.play(world, case), "nothing was sent"


def test_every_step_says_what_must_come_back():
    steps = [step for case in cases.listed() for part in ("before", "attack", "after") for step in case.get(part, [])]
    assert [step for step in steps if not STEP_KEYS & step.keys()] == []


WRONG = {
    "another status": {"call": "GET /v1/sys/health", "token": "none", "expect": [403]},
    "a text that must not be there": {"call": "GET /v1/sys/health", "token": "none", "expect": [200], "lacks": ["initialized"]},
    "another value": {"call": "GET /v1/sys/health", "token": "none", "expect": [200], "holds": {"/sealed": True}},
    "a connection that stays": {"call": "GET /v1/sys/health", "token": "none", "expect": [200], "closes": "must"},
    "answers that differ": {"call": "GET /v1/sys/{what}", "token": "none", "each": {"what": ["health", "init"]}, "expect": [200], "same": True},
    "another count": {"call": "GET /v1/sys/health", "token": "none", "parallel": 3, "exactly": {"200": 2, "403": 1}},
}


@pytest.mark.parametrize("attack", WRONG.values(), ids=WRONG.keys())
def test_a_wrong_answer_is_noticed(world, attack):
    """Shows that each kind of expectation can fail."""
    with pytest.raises(Wrong):
        cases.play(world, {"attack": [attack]})
