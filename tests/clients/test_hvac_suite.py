"""hvac 2.4.0's own integration tests pass here where OpenBao 2.7.2 passes them and the feature is built.

They come from hvac's source archive, which scripts/test downloads, and run unchanged against both servers at once.
"""

import pytest

import servers
from tests.clients import hvac_suite

LISTED = """
[[left_out]]
why = "not built"
reason = "an example"
tests = ["gone"]
[[left_out]]
why = "OpenBao fails it too"
reason = "an example"
tests = ["both"]
"""


@pytest.fixture(scope="module")
def both():
    return hvac_suite.outcomes_of_both()


def test_what_openbao_passes_and_is_built_passes(both):
    theirs, ours = both
    assert sum(outcome == "passed" for outcome in theirs.values()) > 150
    assert hvac_suite.LeftOut(hvac_suite.LEFT_OUT.read_text()).faults(theirs, ours) == []


@pytest.mark.parametrize(("theirs", "ours", "fault"), [
    ({"good": "failed: x"}, {"good": "passed"}, None),
    ({"good": "passed"}, {"good": "failed: x"}, "good: failed: x"),
    ({"good": "passed"}, {"good": "skipped: x"}, "good: skipped: x"),
    ({"good": "failed: y"}, {"good": "failed: x"}, "good: failed: x"),
    ({"gone": "passed"}, {"gone": "passed"}, "gone: is left out, and passes"),
    ({"both": "passed"}, {"both": "failed: x"}, "both: is left out because OpenBao fails it too, and OpenBao passes it"),
    ({"new": "passed"}, {}, "new: ran against one server alone"),
])
def test_each_fault_is_told(theirs, ours, fault):
    """The control: outcomes that must not be, one at a time, beside those that may."""
    right = {"good": "passed", "gone": "failed: x", "both": "failed: x"}
    faults = hvac_suite.LeftOut(LISTED).faults(right | theirs, right | ours)
    assert [told.startswith(fault) for told in faults] == [True] if fault else faults == [], faults


def test_an_entry_without_its_test_is_told():
    assert hvac_suite.LeftOut(LISTED).faults({"both": "failed: x"}, {"both": "failed: x"}) == [
        "gone: is left out, and there is no such test"]


def test_a_missing_archive_fails(server, folder):
    with pytest.raises(servers.Trouble, match="are not in"):
        hvac_suite.outcomes(server, archive=folder)


def test_a_file_that_is_missing_fails(folder):
    with servers.DevOpenBao(folder) as server, pytest.raises(servers.Trouble, match="did not run"):
        hvac_suite.outcomes(server, files=["tests/integration_tests/none.py"])
