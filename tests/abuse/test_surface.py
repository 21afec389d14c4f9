"""ACL-15: every row without a token, with a token of no policy, and with one that may all but sudo."""

import pytest

import servers

# "ACL-15"
pytestmark = pytest.mark.parametrize("case", ["ACL-15"])
CHANGES_THE_SERVER = {"sys/seal", "sys/init", "sys/unseal"}
PUBLIC_FILE = servers.ROOT / "data" / "public_routes.txt"
EVERYTHING = 'path "*" { capabilities = ["create", "read", "update", "patch", "delete", "list"] }'


def ask(world, row, token):
    return world.call(row.method, row.path, token, {} if row.takes_body else None, row.headers, world.next_source())


@pytest.fixture
def idle(world):
    """A token with a policy that fits no row."""
    return world.token('path "none" { capabilities = ["read"] }')[0]


@pytest.mark.parametrize("whose", ["nobody's", "none", "idle"])
def test_a_row_that_is_not_public_refuses_it(world, all_rows, idle, whose, case):
    token = {"nobody's": None, "none": "srs.nosuchtoken", "idle": idle}[whose]
    rows = [row for row in all_rows if not row.public and row.full not in CHANGES_THE_SERVER]
    replies = {str(row): ask(world, row, token) for row in rows}
    assert len(replies) > 40
    assert {row: (reply.status, reply.body[:200]) for row, reply in replies.items() if reply.status not in (401, 403)} == {}


def test_the_same_rows_do_not_refuse_root(world, all_rows, case):
    """Shows that the refusals above are for want of rights."""
    rows = [row for row in all_rows if row.method in ("GET", "LIST") and "ui/mounts/" not in row.full]  # 403: no such mount
    assert [str(row) for row in rows if ask(world, row, world.root).status == 403] == []


def test_a_public_row_answers_a_stranger(world, all_rows, case):
    # These two ask for a token themselves, because any token will do.
    asking = ("ui/mounts", "internal/explain")
    rows = [row for row in all_rows if row.public and row.full not in CHANGES_THE_SERVER]
    rows = [row for row in rows if not any(word in row.full for word in asking)]
    assert [str(row) for row in rows if ask(world, row, None).status == 403] == []


def test_the_public_rows_are_those_of_the_golden_file(all_rows, case):
    golden = [line for line in PUBLIC_FILE.read_text().splitlines() if line and not line.startswith("#")]
    assert sorted(str(row) for row in all_rows if row.public) == sorted(golden)


def test_a_row_that_asks_for_sudo_refuses_who_has_all_else(world, all_rows, case):
    wide = world.token(EVERYTHING)[0]
    rows = [row for row in all_rows if row.sudo]
    assert len(rows) >= 5
    assert [str(row) for row in rows if ask(world, row, wide).status != 403] == []
    assert world.call("GET", "/v1/sys/mounts", wide).status == 200, "the token may nothing at all"


def test_who_has_no_right_seals_nothing(world, idle, case):
    assert [world.call("PUT", "/v1/sys/seal", token, {}).status for token in (None, idle)] == [403, 403]


@pytest.mark.parametrize("target", ["/v1/sys/raw/x", "/v1/sys/pprof", "/metrics", "/debug", "/debug/pprof", "/v1/sys/metrics",
                                    "/v1/sys/in-flight-req", "/v1/", "/v1"])
def test_no_other_door_stands_open(world, target, case):
    assert world.call("GET", target).status in (400, 401, 403, 404)
