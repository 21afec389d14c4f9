"""Finding S7: `?help=1` on any request answered help, and left a line in the audit log that looked like the request done."""

import json
import secrets

import pytest

from tests.abuse import rows

METHODS = ["GET", "LIST", "POST", "PUT", "DELETE", "PATCH"]
CHANGES = ["POST", "PUT", "DELETE", "PATCH"]


def send(world, method, target, token):
    headers = [rows.MERGE_PATCH] if method == "PATCH" else []
    return world.call(method, target, token, "{}" if method in ("POST", "PUT", "PATCH") else None, headers, world.next_source())


def is_help(reply):
    return reply.status == 200 and b'"help"' in reply.body


@pytest.fixture
def secret(world):
    """A secret of our own, by its name."""
    name = f"payroll-{secrets.token_hex(4)}"
    world.must("POST", f"/v1/secret/data/{name}", world.root, {"data": {"k": "stays"}}, (200,))
    return name


@pytest.fixture
def idle(world):
    return world.token('path "none" { capabilities = ["read"] }')[0]


def lines_of(world, name):
    """(operation, outcome's status, type) of the audit lines whose path holds the name, but for the making of it."""
    world.settle(world.log.trouble, "audit")
    lines = [json.loads(line) for line in world.server.audit_file().read_bytes().splitlines()]
    those = [line for line in lines if name in (line.get("request") or {}).get("path", "")]
    return [(line["request"]["operation"], (line.get("response") or {}).get("status"), line["type"]) for line in those][2:]


@pytest.mark.parametrize("method", CHANGES)
def test_s7_a_change_with_help_is_no_help(world, secret, method):
    """Root too gets no help by a verb that changes: the query is ignored or refused, and the log says what was done."""
    reply = send(world, method, f"/v1/secret/metadata/{secret}?help=1", world.root)
    assert not is_help(reply), reply.body
    is_gone = world.call("GET", f"/v1/secret/metadata/{secret}", world.root).status == 404
    assert is_gone == (method == "DELETE" and reply.status < 300), "the answer and the store disagree"


@pytest.mark.parametrize("method", CHANGES)
def test_s7_who_may_nothing_leaves_no_line_of_a_change_done(world, secret, idle, method):
    reply = send(world, method, f"/v1/secret/metadata/{secret}?help=1", idle)
    assert reply.status in (400, 403, 405), reply.body
    done = [line for line in lines_of(world, secret) if line[2] == "response" and (line[1] or 0) < 400]
    assert done == []
    assert world.must("GET", f"/v1/secret/data/{secret}", world.root, None, (200,)).find("/data/data/k") == "stays"


@pytest.mark.parametrize("way", [("GET", "?help=1"), ("HELP", "")], ids=["GET", "HELP"])
def test_s7_help_is_recorded_as_help(world, secret, way):
    method, query = way
    assert is_help(send(world, method, f"/v1/secret/metadata/{secret}{query}", world.root))
    assert {line[0] for line in lines_of(world, secret)} == {"help"}


@pytest.mark.parametrize("way", [("GET", "?help=1"), ("HELP", "")], ids=["GET", "HELP"])
@pytest.mark.parametrize("token", [None, "srs.nosuchtoken"], ids=["no token", "no live token"])
def test_s7_without_a_token_there_is_no_help(world, all_rows, way, token):
    """Every row, the public ones too."""
    method, query = way
    helped = [str(row) for row in all_rows if send(world, method, f"{row.path.split('?')[0]}{query}", token).status != 403]
    assert helped == []


@pytest.mark.parametrize("target", ["/v1/auth/approle/login", "/v1/sys/unseal", "/v1/sys/init", "/v1/sys/seal"])
@pytest.mark.parametrize("query", ["?help=1", "?help=true", "?help=0", "?help=", "?a=b&help=1", "?help"])
def test_s7_a_stranger_gets_no_help_by_a_change(world, target, query):
    reply = send(world, "POST", f"{target}{query}", None)
    assert reply.status in (400, 403, 405), reply.body
    assert world.call("GET", "/v1/sys/seal-status").document["sealed"] is False


def test_s7_a_seal_with_help_is_none_or_a_seal(fresh_world):
    """`POST sys/seal?help=1` by root: what the log says happened."""
    reply = send(fresh_world, "POST", "/v1/sys/seal?help=1", fresh_world.root)
    is_sealed = fresh_world.call("GET", "/v1/sys/seal-status").document["sealed"]
    if is_sealed:
        fresh_world.server.unseal()
        fresh_world.server.hang_up()
    assert not is_help(reply)
    assert is_sealed == (reply.status < 300)
