"""File systems that fill up: what cannot be done is refused by name, nothing leaves unrecorded, and it recovers."""

import contextlib
import json

import pytest

import servers
from tests.conftest import open_with_secret
from tests.operator.program import run

RECOVERY_SECS_MAX = 10
EXAMPLE = {"data": {"v": "example"}}


def becomes(server, status, *request):
    """Asks until that is the status."""
    servers.until(lambda: server.ask(*request).status == status, RECOVERY_SECS_MAX, f"{status} of {request}")


def token_of(server, **body):
    return server.ask("POST", "auth/token/create", body).auth["client_token"]


# The store.


@pytest.fixture
def store_disk(make_disk):
    return make_disk("64m")


@pytest.fixture
def on_disk(store_disk, folder):
    """A server whose store lies on a small disk, and whose audit log does not."""
    server = servers.ConfiguredStrongroom(folder, data=store_disk.path / "data")
    with open_with_secret(server):
        yield server


def test_a_full_disk_refuses_writes_alone(on_disk, store_disk):
    child = token_of(on_disk, policies=["default"])
    on_disk.ask("POST", "secret/data/old", EXAMPLE)
    store_disk.fill(leave=2 << 20)
    refused = on_disk.ask("POST", "secret/data/b", EXAMPLE)
    assert (refused.status, "free some space there" in refused.text) == (503, True), refused.text
    assert on_disk.ask("GET", "secret/data/a").status == 200
    assert on_disk.ask("GET", "secret/data/b").status == 404
    assert on_disk.ask("POST", "auth/token/revoke", {"token": child}).status == 204
    assert on_disk.ask("DELETE", "secret/data/old").status == 204
    assert on_disk.ask("GET", "secret/data/old").status == 404
    assert str(store_disk.path) in on_disk.log_text()


def test_after_a_full_disk_nothing_is_lost(on_disk, store_disk):
    child = token_of(on_disk, policies=["default"])
    store_disk.fill(leave=2 << 20)
    assert on_disk.ask("POST", "secret/data/b", EXAMPLE).status == 503
    assert on_disk.ask("POST", "auth/token/revoke", {"token": child}).status == 204
    store_disk.make_room()
    becomes(on_disk, 200, "POST", "secret/data/b", EXAMPLE)
    on_disk.kill()
    on_disk.start_again()
    assert [on_disk.ask("GET", f"secret/data/{name}").status for name in "ab"] == [200, 200]
    assert on_disk.ask("GET", "auth/token/lookup-self", token=child).status == 403


def test_u7_a_nearly_full_disk_and_room_again_stand_in_the_log(on_disk, store_disk):
    store_disk.fill(leave=2 << 20)
    assert on_disk.ask("POST", "secret/data/b", EXAMPLE).status == 503
    assert f"{store_disk.path}/data is nearly full" in on_disk.log_text(), on_disk.log_text()
    store_disk.make_room()
    becomes(on_disk, 200, "POST", "secret/data/b", EXAMPLE)
    assert "there is room again" in on_disk.log_text(), on_disk.log_text()


@pytest.fixture
def closed(on_disk, store_disk):
    """A server whose store has closed itself: a delete found no room on the disk, not even that which is kept for it."""
    names = [f"secret/metadata/{number}" for number in range(50)]
    for name in names:
        on_disk.ask("POST", name.replace("metadata", "data"), {"data": {"v": "x" * 3000}})
    store_disk.fill()
    for name in names:
        if on_disk.ask("DELETE", name).status != 204:
            break
    servers.until(lambda: on_disk.ask("GET", "secret/data/a").status == 503, RECOVERY_SECS_MAX, "a closed store")
    return on_disk


def test_u7_a_store_that_closed_itself_says_so_wherever_it_is_asked(closed):
    refused = closed.ask("GET", "secret/data/a")
    assert (refused.status, "the store has closed itself" in refused.text) == (503, True), refused.text
    health = closed.ask("GET", "sys/health", token="")
    assert health.status == 503
    assert (health.document["sealed"], health.document["store_ok"]) == (False, False), health.text
    assert closed.ask("GET", "sys/seal-status", token="").document["store_ok"] is False
    assert closed.call("GET", "/readyz").status == 503
    told = closed.client("status")
    assert told.returncode == 2 and "the store has closed itself" in told.stderr and "restart" in told.stderr, told


def test_u7_after_a_restart_a_closed_store_opens(closed, store_disk):
    closed.stop()
    store_disk.make_room()
    closed.start_again()
    assert closed.ask("GET", "secret/data/a").status == 200
    assert closed.ask("GET", "sys/health", token="").document["store_ok"] is True


def test_u7_an_error_carries_its_request_id(on_disk):
    """By it the request is found in the audit log; the command line prints it."""
    refused = on_disk.ask("GET", "secret/data/missing")
    assert refused.status == 404
    found = refused.headers["x-request-id"]
    assert found and found in on_disk.audit_file().read_text()
    told = on_disk.client("read", "secret/data/missing")
    assert "request" in told.stderr, told


# AUD-02: the audit log.


@pytest.fixture
def audit_disk(make_disk):
    return make_disk("1m")


@pytest.fixture
def audited(audit_disk, folder):
    """A server whose audit log lies on a disk that is full; and a reader's token."""
    server = servers.ConfiguredStrongroom(folder, audit=audit_disk.path / "audit.log")
    with open_with_secret(server):
        server.reader = token_of(server, policies=["root"], ttl="1h")
        audit_disk.fill()
        # The file system still has room in the last page of the log: it is used up by requests.
        becomes(server, 503, "POST", "secret/data/c", EXAMPLE)
        yield server


def test_without_an_audit_line_nothing_is_performed(audited):
    changed = audited.ask("POST", "secret/data/d", {"data": {"v": "example-withheld"}})
    assert (changed.status, "audit" in changed.text) == (503, True), changed.text
    read = audited.ask("GET", "secret/data/a", token=audited.reader)
    assert (read.status, "example" in read.text) == (503, False)
    assert audited.ask("GET", "sys/health").status == 200
    assert str(audited.audit_file()) in audited.log_text()


def test_a_seal_works_without_an_audit_log_and_has_its_lines_later(audited, audit_disk):
    assert audited.ask("POST", "secret/data/d", EXAMPLE).status == 503
    assert audited.ask("PUT", "sys/seal", {}).status == 204
    assert "goes on without a line in the audit log" in audited.log_text()
    refused = audited.ask("PUT", "sys/unseal", {"key": audited.shares[0]})
    assert (refused.status, "audit" in refused.text) == (503, True), refused.text
    audit_disk.make_room()
    becomes(audited, 200, "PUT", "sys/unseal", {"key": audited.shares[0]})
    becomes(audited, 200, "GET", "secret/data/a")
    assert audited.ask("GET", "secret/data/d").status == 404, "what was refused did happen"
    assert audited.stop()
    seals = [line for line in whole_lines(audited.audit_file()) if line.get("request", {}).get("path") == "sys/seal"]
    assert [(line["type"], line.get("response", {}).get("status")) for line in seals] == [("request", None), ("response", 204)]
    told = run("audit", "verify", "--file", audited.audit_file(), "--public-key", audited.audit_key)
    assert told.code == 0, told


def whole_lines(audit):
    """The lines of a log but for one that was torn when the disk was full."""
    for line in audit.read_text().splitlines():
        with contextlib.suppress(ValueError):
            yield json.loads(line)
