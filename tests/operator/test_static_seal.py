"""Finding C4: a server with `seal "static"` opens at init and at each start, and says how it is sealed."""

import json

import pytest

import servers
from tests.clients.process import Bao
from tests.operator.program import run

SEAL = 'seal "static" {\n  current_key_id = "one"\n  current_key    = "' + "07" * 32 + '"\n}\n'


@pytest.fixture
def server(folder):
    """A server with a static seal that is not initialised."""
    with servers.ConfiguredStrongroom(folder / "server", tail=SEAL) as server:
        yield server


def status(server):
    return json.loads(server.client("status", "-format=json").stdout)


def test_c4_a_server_opens_at_init_and_at_each_start(server):
    before = status(server)
    assert (before["type"], before["initialized"], before["sealed"]) == ("static", False, True)
    told = server.client("operator", "init", "-format=json", "-no-store")
    assert told.returncode == 0, told.stderr
    assert "operator unseal" not in told.stderr, told.stderr
    made = json.loads(told.stdout)
    server.root_token = made["root_token"]
    after = status(server)
    assert (after["type"], after["initialized"], after["sealed"]) == ("static", True, False)
    assert server.ask("GET", "auth/token/lookup-self").status == 200
    server.stop()
    server.start()
    assert status(server)["sealed"] is False
    server.stop()
    proof = run("audit", "verify", "--file", server.audit_file(), "--public-key", made["audit_public_key"])
    assert proof.code == 0, proof


def test_c4_bao_initialises_a_server_with_a_static_seal(server, folder):
    (folder / "home").mkdir()
    made = Bao(server, folder / "home").json("operator init")
    server.root_token = made["root_token"]
    assert status(server)["sealed"] is False and server.ask("GET", "sys/mounts").status == 200


def test_c4_init_says_what_the_shares_are_for(server):
    told = server.client("operator", "init", "-key-shares=1", "-key-threshold=1", "-no-store")
    assert told.returncode == 0, told.stderr
    assert "operator unseal" not in told.stderr + told.stdout and "key is lost" in told.stdout, told
