"""Finding U18: a token is sent only to the server that issued it, and a file of another program is never written over."""

import http.server
import os
import re
import stat
import subprocess
import threading

import pytest

import servers
from tests.conftest import open_with_secret

THEIRS = "hvs.of-another-server"


class Home:
    """The home of a user: `~/.vault-token`, and the folder of the command line."""

    def __init__(self, path):
        self.path, self.file, self.vault = path, path / ".vault-token", path / "vault"
        self.path.mkdir()
        self.vault.symlink_to(servers.strongroom_path())
        self.program = {"strongroom": servers.strongroom_path(), "vault": self.vault}

    def environment(self, **more):
        return servers.plain_environment() | {"HOME": str(self.path), "XDG_CONFIG_HOME": str(self.path / "config")} | more

    def run(self, name, *words, stdin=None, **more):
        command = [self.program[name], *words]
        return subprocess.run(command, input=stdin, env=self.environment(**more), capture_output=True, text=True, timeout=60)


@pytest.fixture
def home(folder):
    return Home(folder / "home")


class Listener:
    """Somebody else's server: it answers nothing of use and remembers the tokens that it is shown."""

    def __init__(self):
        seen = self.seen = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                seen.append(self.headers["X-Vault-Token"])
                self.send_response(404)
                self.send_header("Content-Length", "0")
                self.end_headers()

            do_PUT = do_POST = do_LIST = do_GET

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def stranger():
    listener = Listener()
    yield listener
    listener.close()


@pytest.fixture
def ours(folder):
    with open_with_secret(servers.ConfiguredStrongroom(folder / "server")) as server:
        yield server


def test_u18_a_token_of_another_program_is_sent_to_nobody(home, stranger):
    home.file.write_text(THEIRS)
    told = home.run("strongroom", "read", "secret/data/a", VAULT_ADDR=stranger.address)
    assert told.returncode == 4 and THEIRS not in told.stderr, told.stderr
    assert "strongroom login - < ~/.vault-token" in told.stderr, told.stderr
    assert stranger.seen == []


def test_u18_called_as_vault_the_token_is_sent_to_vaults_address_alone(home, stranger):
    home.file.write_text(THEIRS)
    home.run("vault", "read", "secret/data/a", VAULT_ADDR=stranger.address)
    assert stranger.seen and set(stranger.seen) == {THEIRS}
    stranger.seen.clear()
    home.run("vault", "read", f"-address={stranger.address}", "secret/data/a")
    assert set(stranger.seen) <= {None}


def test_u18_the_advice_to_take_such_a_token_over_works(home, ours):
    home.file.write_text(ours.root_token + "\n")
    at = {"VAULT_ADDR": ours.address}
    assert home.run("strongroom", "kv", "get", "secret/a", **at).returncode == 4
    taken = home.run("strongroom", "login", "-", stdin=home.file.read_text(), **at)
    assert taken.returncode == 0 and f"{home.path}/config/strongroom/tokens" in taken.stderr, taken.stderr
    assert home.run("strongroom", "kv", "get", "secret/a", **at).returncode == 0


def test_u18_a_login_as_vault_leaves_the_file_of_another_program(home, ours, stranger):
    home.file.write_text(THEIRS)
    at = {"VAULT_ADDR": ours.address}
    told = home.run("vault", "login", "-", stdin=ours.root_token, **at)
    assert told.returncode == 0 and home.file.read_text() == THEIRS
    assert f"{home.file} was not changed" in told.stderr and "strongroom/tokens" in told.stderr, told.stderr
    assert home.run("vault", "kv", "get", "secret/a", **at).returncode == 0, "the login counts all the same"
    home.run("vault", "read", "secret/data/a", VAULT_ADDR=stranger.address)
    assert set(stranger.seen) == {THEIRS}, "the token of the login is not shown to another server"


def test_u18_a_login_as_vault_writes_the_file_if_it_is_missing_or_our_own(home, ours, stranger):
    at = {"VAULT_ADDR": ours.address}
    child = home.run("strongroom", "token", "create", "-field=token", VAULT_TOKEN=ours.root_token, **at).stdout.strip()
    for token in (ours.root_token, child):
        told = home.run("vault", "login", "-", stdin=token, **at)
        assert told.returncode == 0 and home.file.read_text() == token, told.stderr
        assert stat.S_IMODE(home.file.stat().st_mode) == 0o600
    home.run("vault", "read", "secret/data/a", VAULT_ADDR=stranger.address)
    assert set(stranger.seen) <= {None}, "what this program wrote there is for one address alone"


@pytest.mark.parametrize(("name", "words", "writes"), [
    ("strongroom", ["dev", "--listen"], False),
    ("strongroom", ["server", "-dev", "-dev-listen-address"], False),
    ("vault", ["server", "-dev", "-dev-listen-address"], True),
], ids=["dev", "server -dev", "vault server -dev"])
@pytest.mark.parametrize("is_there", [True, False], ids=["a file of another program", "no file"])
def test_u18_a_dev_server_keeps_its_token_for_its_address_and_takes_it_away(home, folder, name, words, writes, is_there):
    if is_there:
        home.file.write_text(THEIRS)
    port = servers.free_port()
    log = folder / "log"
    with log.open("w") as out:
        command = [home.program[name], *words, f"127.0.0.1:{port}"]
        process = subprocess.Popen(command, env=home.environment(), stdout=out, stderr=subprocess.STDOUT)
    try:
        servers.until(lambda: re.search("root token is kept", log.read_text()), what="the line about the token")
        assert f"{home.path}/config/strongroom/dev-tokens" in log.read_text()
        exports = dict(re.findall(r"export (\w+)='(.*)'", log.read_text()))
        # Without a variable or a file that names it, the token is found.
        assert home.run("strongroom", "kv", "put", "secret/x", "a=b", **exports).returncode == 0
        if is_there:
            assert home.file.read_text() == THEIRS
            assert not writes or f"{home.file} was not changed" in log.read_text()
        else:
            assert home.file.exists() == writes
    finally:
        process.terminate()
        process.wait(30)
    assert home.file.exists() == is_there
    assert "srs" not in (home.path / "config/strongroom/dev-tokens").read_text()
    assert not is_there or home.file.read_text() == THEIRS
    assert os.path.islink(home.vault)
