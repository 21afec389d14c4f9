"""What an operator mistypes or wants at once: each test tells one finding of a review, and the answer to it."""

import json

import pytest

import servers
from tests.operator import program


def told(done):
    return f"exit code {done.returncode}\n{done.stdout}{done.stderr}"


def sealed_server(folder, shares=1, threshold=1):
    server = servers.Strongroom(folder / "server")
    server.start()
    server.initialise(shares, threshold)
    return server


def test_s8_a_reset_asks_for_a_share_while_others_give_theirs(folder):
    with sealed_server(folder, 3, 2) as server:
        assert server.client("operator", "unseal", "-reset").returncode == 0, "there is nothing to forget"
        server.client("operator", "unseal", "-", stdin=server.shares[0])
        refused = server.client("operator", "unseal", "-reset")
        assert refused.returncode == 1 and "a share is needed to forget those given so far" in refused.stderr, told(refused)
        assert server.ask("GET", "sys/seal-status").document["progress"] == 1
        done = server.client("operator", "unseal", "-reset", "-", stdin=server.shares[1])
        assert done.returncode == 0, told(done)
        assert server.ask("GET", "sys/seal-status").document["progress"] == 0


def test_a_wrong_share_is_no_reason_to_forget_the_right_ones(folder):
    with sealed_server(folder, 3, 2) as server:
        server.client("operator", "unseal", "-", stdin=server.shares[0])
        refused = server.client("operator", "unseal", "-", stdin="ab" * 33)
        assert refused.returncode == 2 and "-reset" not in told(refused), told(refused)
        assert "those given before still count" in refused.stderr, told(refused)


def test_s9_an_init_that_was_answered_is_there_after_a_crash(folder):
    """The boot document is put in force when the answer has left, which takes some milliseconds."""
    with sealed_server(folder) as server:
        servers.until(lambda: (server.data / "boot.a").exists(), 5, "a boot file in force")
        server.kill()
        server.start()
        assert server.ask("GET", "sys/seal-status").document["initialized"] is True
        assert server.ask("PUT", "sys/init", {"secret_shares": 1, "secret_threshold": 1}).status == 400
        server.unseal()


@pytest.fixture(scope="module")
def shop():
    """An open server with KV version 2 at `secret/`."""
    with servers.Strongroom(servers.fresh_folder("findings-operators")).open() as server:
        server.api.ask("POST", "sys/mounts/secret", {"type": "kv", "options": {"version": "2"}})
        yield server


def test_u5_a_patch_of_a_deleted_secret_fails(shop):
    shop.client("kv", "put", "secret/gone", "a=b")
    shop.client("kv", "delete", "secret/gone")
    for path in ["secret/gone", "secret/never"]:
        refused = shop.client("kv", "patch", path, "a=b")
        assert refused.returncode == 5 and not refused.stdout and f"nothing found: patch {path}" in refused.stderr, told(refused)


@pytest.mark.parametrize(("words", "cause", "advice"), [
    ("kv get secrte/app", "nothing is mounted at secrte/", "did you mean secret/?"),
    ("kv put secrte/app a=b", "nothing is mounted at secrte/", "did you mean secret/?"),
    ("read secrte/data/app", "nothing is mounted at secrte/", "did you mean secret/?"),
    ("write nowhere/app a=b", "nothing is mounted at nowhere/", "strongroom secrets list"),
    ("list nowhere", "nothing is mounted at nowhere/", "strongroom secrets list"),
    ("delete nowhere/app", "nothing is mounted at nowhere/", "strongroom secrets list"),
    ("token lookup srs.none", "no such token: look up the token", "is mistyped"),
    ("token lookup -accessor=none", "no such token: look up the token", "is mistyped"),
    ("token renew srs.none", "no such token: renew the token", "is mistyped"),
    ("token capabilities srs.none secret/app", "no such token", "is mistyped"),
])
def test_u11_root_is_told_the_cause_and_not_a_rule(shop, words, cause, advice):
    refused = shop.client(*words.split())
    assert refused.returncode == 5, told(refused)
    assert cause in refused.stderr and advice in refused.stderr, told(refused)
    assert "capabilities = [" not in refused.stderr and "may only root" not in refused.stderr, told(refused)


def test_u15_an_empty_secret_is_stored_only_if_it_is_meant(shop):
    shop.client("kv", "put", "secret/empty", "password=old")
    for words, stdin in [(["password="], None), (["password=-"], ""), (["user=app", "password=-"], "\n")]:
        refused = shop.client("kv", "put", "secret/empty", *words, stdin=stdin)
        assert refused.returncode == 1 and "the value of password is empty: nothing was sent" in refused.stderr, told(refused)
    assert shop.client("kv", "get", "-field=password", "secret/empty").stdout.strip() == "old"
    assert shop.client("kv", "put", "-allow-empty", "secret/empty", "password=").returncode == 0
    shown = shop.client("kv", "get", "secret/empty")
    assert 'password    ""' in shown.stdout, told(shown)


@pytest.mark.parametrize(("words", "cause"), [
    ("print token", "there is no command `print`"),
    ("operator rekey -init", "there is no command `operator rekey`"),
    ("audit enable file", "there is no command `audit enable`"),
    ("secrets enable transit", "what is built: kv, service_tokens"),
    ("auth enable userpass", "what is built: approle"),
])
def test_u17_what_is_not_built_is_refused_by_name_with_what_there_is(shop, words, cause):
    refused = shop.client(*words.split())
    assert refused.returncode in (1, 2) and cause in refused.stderr and "tip:" not in refused.stderr, told(refused)


def test_u22_a_message_says_what_happened_and_not_what_the_system_calls_it(shop, folder):
    """`File exists (os error 17)`, `0.0.73.37:8200` for a port, `no server listens there` for a name nobody knows."""
    (folder / "share-1.txt").touch()
    (folder / "a-file").touch()
    run = program.run
    for done, cause in [
        (run("operator", "init", f"-out={folder}", "-address=https://127.0.0.1:1"), "share-1.txt is there already: nothing was sent"),
        (run("server", "--data", folder / "a-file", "--listen", "127.0.0.1:0"), "a-file is a file"),
        (run("server", "--data", folder / "data", "--listen", "18725"), "`18725` is not an address to listen on"),
        (run("status", "-address=http://18725:8200"), "an address must name a host"),
        (run("status", "-address=http://vault.invalid:8200"), "has no address"),
        (run("login", "-address=" + shop.address, f"-ca-cert={shop.ca_file}", "srs.none"), "the given token has expired"),
    ]:
        assert done.code and cause in done.text, done
        assert "os error" not in done.text and "0.0.73" not in done.text and "the token ()" not in done.text, done


def test_no_dev_server_is_advised_where_a_server_is_down(folder):
    down = program.run("status", "-address=https://192.0.2.1:1", "-timeout=1s")
    assert down.code == 10 and "strongroom dev" not in down.text, down


def test_a_long_list_is_shown_in_pages(shop):
    for name in "abcde":
        shop.client("kv", "put", f"secret/pages/{name}", "k=v")
    for words in [["list", "secret/metadata/pages"], ["kv", "list", "secret/pages"]]:
        def page(*more):
            done = shop.client(*words, "-format=json", *more)
            assert done.returncode == 0, told(done)
            return json.loads(done.stdout)

        assert page() == list("abcde")
        assert page("-limit=2") == ["a", "b"]
        assert page("-limit=2", "-after=b") == ["c", "d"]
        assert page("-limit=2", "-after=d") == ["e"]
        assert page("-limit=2", "-after=e") == []
        assert shop.client(*words, "-limit=0").returncode == 1
