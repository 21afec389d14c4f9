"""U1: whoever owns a store never loses it: the root token does not expire, and the guide's administrator may do all."""

import json
import re
import subprocess

import pytest

import servers
from tests.operator.documents import commands_under


def blocks(heading):
    """The commands that the guide shows under a heading."""
    return [block.text for block in commands_under("docs/guides/operating.md", heading)]


@pytest.fixture
def server(folder):
    """A server that is not initialised."""
    with servers.Strongroom(folder / "server") as server:
        yield server


def initialise(server, *more):
    """Init on the command line; what it said beside the keys."""
    told = server.client("operator", "init", "-key-shares=1", "-key-threshold=1", "-format=json", "-no-store", *more)
    assert told.returncode == 0, told.stderr
    made = json.loads(told.stdout)
    server.shares, server.threshold, server.root_token = made["unseal_keys_b64"], 1, made["root_token"]
    server.unseal()
    return told.stderr


def test_u1_the_root_token_does_not_expire(server):
    initialise(server)
    found = server.ask("GET", "auth/token/lookup-self").data
    assert (found["ttl"], found["expire_time"]) == (0, None)


def test_u1_a_root_token_has_an_end_only_if_that_is_asked(server):
    initialise(server, "-root-token-ttl=2h")
    assert 7100 < server.ask("GET", "auth/token/lookup-self").data["ttl"] <= 7200


@pytest.mark.parametrize(("more", "life"), [([], "does not expire"), (["-root-token-ttl=2h"], "ends after 2h")], ids=["none", "2h"])
def test_u1_init_says_what_the_root_token_is_and_what_comes_next(server, more, life):
    told = server.client("operator", "init", "-key-shares=1", "-key-threshold=1", "-no-store", *more)
    assert life in told.stderr and "administrator" in told.stderr, told.stderr
    named = re.search(r"docs/guides/operating.md, \"(.+?)\"", told.stderr)
    assert blocks(named[1]), "the guide has that chapter"


def test_u1_the_guides_administrator_may_do_what_root_may(server, folder):
    initialise(server)
    environment = servers.plain_environment() | {
        "PATH": f"{servers.strongroom_path().parent}:/usr/bin:/bin",
        "STRONGROOM_HOME": str(folder / "home"),
        "VAULT_ADDR": server.address,
        "VAULT_CACERT": str(server.ca_file),
    }
    first = subprocess.run(
        [servers.strongroom_path(), "login", "-"], input=server.root_token, env=environment, capture_output=True, text=True
    )
    assert first.returncode == 0, first.stderr
    typed = "\n".join(blocks("An administrator"))
    done = subprocess.run(["bash", "-e"], input=typed, cwd=folder, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "admin" in done.stdout
    token = subprocess.run(
        [servers.strongroom_path(), "token", "lookup", "-format=json"], env=environment, capture_output=True, text=True
    )
    assert json.loads(token.stdout)["data"]["policies"] == ["admin", "default"], token.stdout
    # The root token goes, and with the administrator's login everything is still possible: also another administrator.
    assert server.ask("POST", "auth/token/revoke-self").status == 204
    again = subprocess.run(["bash", "-e"], cwd=folder, env=environment, capture_output=True, text=True, timeout=60, input=(
        "strongroom login -method=approle @admin.credentials\n"
        "strongroom secrets enable -path=secret kv\n"
        "strongroom policy write second - <<<'path \"*\" { capabilities = [\"sudo\", \"read\"] }'\n"
        "strongroom approle create second -token-policies=second -out=second.credentials\n"
        "strongroom operator seal --yes\n"
    ))
    assert again.returncode == 0, again.stdout + again.stderr
