"""AUD-01 and, with the log at trace, MEM-01: whatever is planted anywhere is found nowhere in what the server wrote.

Values in names may stand where an audit line is clear, and nowhere else.
"""

import base64
import json
import secrets

import pytest

from tests.abuse import canary, rows, search
from tests.abuse.world import Wrong

NOT_ASKED = ("sys/seal", "sys/init")
AT_RANDOM = "not-planted-" + secrets.token_hex(8)


@pytest.fixture
def planter(fresh_world):
    planter = canary.Planter(fresh_world)
    yield planter
    planter.hang_up()


def leaks(world, planter):
    """Where a planted value stands: answers, files below the server's folder, audit lines less their clear fields."""
    world.settle(world.log.trouble, "audit")
    needles = search.Needles([canary.BEGINNING] + [value for value in planter.planted if not value.startswith(canary.BEGINNING)])
    audit = world.server.audit_file()
    hits = search.in_files(world.folder, needles, skip={audit}) + search.in_audit(audit, needles)
    found = set(planter.leaks)
    for place in {place for place, _ in hits}:
        those = [context for at, context in hits if at == place]
        found.add(f"{place}: {len(those)} times, e.g. {planter.named(those[0])}")
    return sorted(found)


@pytest.mark.parametrize("case", ["AUD-01"])
def test_planted_values_are_found_nowhere(fresh_world, planter, case):
    for row in rows.of(fresh_world):
        if row.full not in NOT_ASKED:
            canary.plant_fields(planter, row)
            canary.plant_elsewhere(planter, row)
    canary.plant_for_real(planter, fresh_world)
    assert leaks(fresh_world, planter) == []
    statuses = planter.statuses  # refusals for want of rights alone would show nothing
    assert statuses[200] + statuses[204] > statuses.total() / 20 and statuses[400] > statuses.total() / 5, statuses


# Controls: the search finds what is there.


def forms(value):
    data = value.encode()
    yield "plain", data
    yield "in capitals", data.upper()
    yield "hex", data.hex().encode()
    for shift in range(3):
        yield f"base64, moved by {shift}", base64.b64encode(b"x" * shift + data + b"tail")


@pytest.mark.parametrize("form", [name for name, _ in forms("x")])
def test_a_planted_value_is_found_in_each_form(folder, form):
    value = "ctrl" + secrets.token_hex(16)
    (folder / "written").write_bytes(b"\x01before" + dict(forms(value))[form] + b"after\xff")
    assert search.in_files(folder, search.Needles([value]))
    assert not search.in_files(folder, search.Needles([AT_RANDOM]))


@pytest.mark.parametrize("place", ["server.log", "data/left-behind"])
def test_a_value_that_the_server_wrote_is_found(fresh_world, planter, place):
    file = fresh_world.folder / place
    with open(file, "a") as written:
        written.write(f"token={planter.value('a control')}\n")
    assert [leak for leak in leaks(fresh_world, planter) if place in leak]


def test_a_value_in_a_clear_field_is_none_and_beside_it_one(folder):
    value, file = canary.BEGINNING + secrets.token_hex(8), folder / "audit.log"
    needles = search.Needles([canary.BEGINNING])
    file.write_text(json.dumps({"request": {"path": f"secret/data/{value}"}}) + "\n")
    assert search.in_audit(file, needles) == []
    file.write_text(json.dumps({"request": {"path": "secret/data/x", "data": {"password": value}}}) + "\n")
    assert search.in_audit(file, needles)


def test_a_refusal_that_repeats_a_value_is_noticed(world):
    """The refusal of a path repeats it, which is allowed for a name alone."""
    planter = canary.Planter(world)
    value = planter.value("a control")
    row = rows.Row({"verb": "read", "path": f"nope/{value}"})
    try:
        planter.send(row, echoes=[value])
        assert planter.leaks == set()
        planter.ask = lambda *_: canary.Reply(400, (), f'{{"errors":["{value}"]}}'.encode())
        planter.send(row)
        assert planter.leaks
    finally:
        planter.hang_up()


def test_a_failing_server_is_noticed(world):
    planter = canary.Planter(world)
    planter.ask = lambda *_: canary.Reply(500, (), b"{}")
    with pytest.raises(Wrong):
        planter.send(rows.Row({"verb": "read", "path": "sys/health"}))
