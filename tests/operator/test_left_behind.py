"""Finding C14: a folder of CAs is honoured, and a server in memory leaves nothing in the temporary folder."""

import subprocess

import pytest

import servers
from tests.conftest import open_with_secret

INMEM = 'storage "inmem" {\n}\n'


@pytest.fixture
def own(folder):
    """A server with a certificate of its own authority."""
    with open_with_secret(servers.Strongroom(folder / "server")) as server:
        yield server


def ask(server, home, *arguments, **environment):
    seen = servers.plain_environment() | {"STRONGROOM_HOME": str(home), "VAULT_ADDR": server.address} | environment
    command = [servers.strongroom_path(), "status", *arguments]
    return subprocess.run(command, env=seen, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("below", [".", "sub"])
def test_c14_a_folder_of_authorities_is_honoured(own, folder, below):
    place = folder / "authorities" / below
    place.mkdir(parents=True)
    (place / "readme.txt").write_text("hello")
    (place / "ours.crt").write_bytes(own.ca_file.read_bytes())
    path = str(folder / "authorities")
    assert ask(own, folder / "a").returncode == 10, "without it the authority is not known"
    for told in (ask(own, folder / "b", f"-ca-path={path}"), ask(own, folder / "c", VAULT_CAPATH=path)):
        assert told.returncode == 0, told.stderr


def test_c14_a_folder_without_the_authority_is_named(own, folder):
    (folder / "empty").mkdir()
    told = ask(own, folder / "a", VAULT_CAPATH=str(folder / "empty"))
    assert told.returncode == 1 and str(folder / "empty") in told.stderr and "--ca-cert=FILE" in told.stderr, told.stderr


class InMemory(servers.ConfiguredStrongroom):
    def write_files(self):
        self.config.write_text(servers.listener_stanza(self.port) + INMEM)


@pytest.mark.parametrize("kind", [servers.DevStrongroom, servers.DevTlsStrongroom, InMemory], ids=["vault's dev", "dev", "inmem"])
def test_c14_a_server_in_memory_leaves_nothing_behind(folder, kind):
    temporary = folder / "tmp"
    temporary.mkdir()
    with kind(folder / "server", environment={"TMPDIR": str(temporary)}) as server:
        assert [path.name for path in temporary.rglob("audit.log")], "it has an audit log while it runs"
        assert server.stop()
    assert list(temporary.iterdir()) == []


def test_c14_a_start_in_memory_that_fails_leaves_nothing_behind(folder):
    temporary, config = folder / "tmp", folder / "strongroom.hcl"
    temporary.mkdir()
    tls = 'tls_cert_file = "/no/file"\n  tls_key_file = "/no/file"'
    config.write_text(servers.listener_stanza(servers.free_port()).replace("tls_disable = true", tls) + INMEM)
    seen = servers.plain_environment() | {"TMPDIR": str(temporary)}
    told = subprocess.run([servers.strongroom_path(), "server", f"-config={config}"], env=seen, capture_output=True, timeout=60)
    assert told.returncode != 0 and list(temporary.iterdir()) == []
