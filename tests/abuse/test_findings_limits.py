"""Findings S12, S13 and S16: what refused callers pay, what known callers do not, and that every refusal is counted."""

import json

import pytest

import servers
from tests.abuse.flood import Flood
from tests.abuse.wire import request

MANY = 3000  # more than the burst of one address and what is let through in the seconds that this many requests take
REFUSED_BODY = b'{"role_id": "a", "secret_id": "b"}'
LOGIN = "/v1/auth/approle/login"


# S12. A failed login cost nothing as long as the request had any token header, for the limit looked at status and headers.


def login(*headers, body=REFUSED_BODY):
    return request("POST", LOGIN, headers, body)


# A body that is too large ends its connection, so one address cannot send so many of them that the limit is met; that they
# count is shown by `every_refusal_of_a_stranger_counts`.
STRANGERS = {  # the status of each, and the bytes
    "a failed login (control)": (400, login()),
    "a failed login with a token that is none": (400, login(("X-Vault-Token", "anything"))),
    "a failed login with a bearer that is none": (400, login(("Authorization", "Bearer anything"))),
    "a failed login with an empty token": (400, login(("X-Vault-Token", ""))),
    "a body that is no JSON": (400, login(("X-Vault-Token", "anything"), body=b"{")),
    "a bad share": (400, request("PUT", "/v1/sys/unseal", [("X-Vault-Token", "anything")], b'{"key": "zz"}')),
    "a second init": (400, request("PUT", "/v1/sys/init", [("X-Vault-Token", "anything")], b'{"secret_shares": 1, "secret_threshold": 1}')),
    "a path that is none": (400, request("GET", "/v1/a/%ff", [("X-Vault-Token", "anything")])),
    "a token that is none": (403, request("GET", "/v1/secret/data/x", [("X-Vault-Token", "anything")])),
    "a place outside of the API": (404, request("GET", "/v2/x", [("X-Vault-Token", "anything")])),
}


@pytest.mark.parametrize(("status", "data"), STRANGERS.values(), ids=STRANGERS.keys())
def test_s12_a_strangers_refusals_are_limited(world, status, data):
    statuses = Flood(world, data).send(MANY, until=429)
    assert set(statuses) - {0} == {status, 429}, statuses


def test_s12_a_sealed_servers_refusals_are_limited_too(sealed_world):
    data = request("GET", "/v1/secret/data/x", [("X-Vault-Token", "anything")])
    statuses = Flood(sealed_world, data).send(MANY, until=429)
    sealed_world.server.unseal()
    sealed_world.server.hang_up()
    assert set(statuses) - {0} == {503, 429}, statuses


# S13. Bad requests behind the same address made the limit refuse valid tokens.


BAD = request("GET", "/v1/secret/data/x", [("X-Vault-Token", "srs.nosuchtoken")])


@pytest.fixture
def neighbour(world):
    """Somebody behind an address who is refused all the time, and whom the limit has found already."""
    flood = Flood(world, BAD)
    flood.start()
    servers.until(lambda: flood.statuses[429] > 10, 20, "429 for the neighbour")
    yield flood
    before = flood.statuses[429]
    servers.until(lambda: flood.statuses[429] > before, 20, "429 for the neighbour until the end")
    assert set(flood.stop()) <= {0, 403, 429}


def answers(world, source, token, target, times=60):
    return {world.call("GET", target, token, source=source).status for _ in range(times)}


def test_s13_a_live_token_is_not_refused_for_its_neighbours(world, neighbour):
    assert answers(world, neighbour.source, world.root, "/v1/sys/mounts") == {200}


def test_s13_what_a_live_token_may_not_is_403_and_not_429(world, neighbour):
    token, _ = world.token('path "secret/*" { capabilities = ["read"] }')
    assert answers(world, neighbour.source, token, "/v1/sys/mounts") == {403}


def test_s13_a_live_token_makes_mistakes_beside_its_neighbours(world, neighbour):
    assert answers(world, neighbour.source, world.root, "/v1/secret/data/none") == {404}
    assert answers(world, neighbour.source, world.root, "/v1/secret/data/x?version=abc") == {400}


def test_s13_a_token_of_few_uses_loses_none_to_its_neighbours(world, neighbour):
    token, _ = world.token('path "sys/mounts" { capabilities = ["read"] }', num_uses=20)
    assert answers(world, neighbour.source, token, "/v1/sys/mounts", 20) == {200}


# S16. Beyond a hundred a second, refusals left neither line nor count until the next one came; 429 and framing never any.


def recorded_refusals(world):
    """Refusals that the audit file knows: outcome lines with a status of 4xx or 5xx, and what other lines count.

    A line that stands for several says how many in a member `count`, wherever it stands.
    """
    total = 0
    for line in world.server.audit_file().read_bytes().split(b"\n")[:-1]:
        document = json.loads(line)
        if document["type"] == "gap":
            continue
        if (count := member(document, "count")) is not None:
            total += count
        elif document["type"] == "response" and (member(document, "status") or 0) >= 400:
            total += 1
    return total


def member(document, name):
    """The first whole number of that name, at any depth."""
    for key, value in document.items():
        if key == name and isinstance(value, int):
            return value
        if isinstance(value, dict) and (found := member(value, name)) is not None:
            return found
    return None


def becomes_recorded(world, times):
    """All are counted soon, without any further request."""
    servers.until(lambda: recorded_refusals(world) >= times, 5, f"{times} refusals in the audit log")
    assert recorded_refusals(world) == times


FRAMED_TWICE = (b"POST /v1/secret/data/x HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1\r\n"
                b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
REFUSED = {
    "tokens that are none": (BAD, 403),
    "failed logins": (login(), 400),
    "paths that are none": (request("GET", "/v1/a/%ff"), 400),
    "two framings": (FRAMED_TWICE, 400),
    "a host that is none": (request("GET", "/v1/sys/health", host="a b"), 400),
}


@pytest.mark.parametrize(("data", "status"), REFUSED.values(), ids=REFUSED.keys())
def test_s16_each_refusal_has_a_line_or_is_counted(fresh_world, data, status):
    """390 from one address: less than its burst, and more than a second's lines."""
    statuses = Flood(fresh_world, data).send(390)
    assert statuses == {status: 390}
    becomes_recorded(fresh_world, 390)


def test_s16_requests_over_the_limit_are_counted(fresh_world):
    statuses = Flood(fresh_world, BAD).send(1200)
    assert statuses[429] > 50 and set(statuses) == {403, 429}, statuses
    becomes_recorded(fresh_world, 1200)


def test_s16_a_seal_writes_the_count(fresh_world):
    """What was counted in the second of the seal stands in the log when the seal is answered."""
    statuses = Flood(fresh_world, BAD).send(390)
    fresh_world.must("PUT", "/v1/sys/seal", fresh_world.root, {}, (204,))
    found = recorded_refusals(fresh_world)
    fresh_world.server.unseal()
    fresh_world.server.hang_up()
    assert (statuses, found) == ({403: 390}, 390)


# S15. Public rows that answer 200 wrote two lines for each request of a stranger, however many came.


def recorded_answers(world):
    """Requests for the mounts that the audit file knows: outcome lines of their own, and what is counted as answered."""
    total = 0
    for line in world.server.audit_file().read_bytes().split(b"\n")[:-1]:
        document = json.loads(line)
        asked = document.get("request", {})
        if asked.get("operation") == "answered":
            total += document["plain"]["count"]
        elif document["type"] == "response" and asked.get("path") == "sys/internal/ui/mounts":
            total += 1
    return total


def test_s15_each_answer_to_a_stranger_has_lines_or_is_counted(fresh_world):
    statuses = Flood(fresh_world, request("GET", "/v1/sys/internal/ui/mounts")).send(1200)
    assert statuses == {200: 1200}
    servers.until(lambda: recorded_answers(fresh_world) >= 1200, 5, "1200 answers in the audit log")
    assert recorded_answers(fresh_world) == 1200
