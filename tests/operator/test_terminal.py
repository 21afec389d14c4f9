"""The main job, typed at a terminal: ten commands from nothing to an auditor's answer, then an operator's mistakes."""

import re

import pytest

import servers
from tests.operator.terminal import READY, Terminal

VALUE = "example-of-a-key-that-nobody-uses"
STARTED = r"VAULT_CACERT=\S+\n(?s:.)*started"
ASKS_FOR_SHARE = r"share \(is not shown\): $"


class Desk:
    """A person's folder, terminal, and what the ten commands showed."""

    def __init__(self, folder):
        self.folder, programs = folder, folder / "bin"
        programs.mkdir()
        (programs / "strongroom").symlink_to(servers.strongroom_path())
        (folder / ".env").write_text(f"PAYMENT_API_KEY={VALUE}\n")
        (folder / "shop.hcl").write_text('path "secret/data/shop/*" { capabilities = ["read"] }\n')
        self.terminal, self.typed, self.share = Terminal(folder, programs), [], None

    def do(self, command, until=READY):
        """Types one of the ten commands."""
        self.typed.append(command)
        return self.terminal.type(command, until)

    def serve(self, address, data="data"):
        return self.terminal.type(f"strongroom server --data {data} --listen {address} &", STARTED)

    def open_the_store(self):
        """Server, init and unseal: the first three commands."""
        self.address = f"127.0.0.1:{servers.free_port()}"
        shown = self.do(f"strongroom server --data data --listen {self.address} &", STARTED)
        self.exports = re.findall(r"^ *(export VAULT_\w+=\S+)$", shown, re.MULTILINE)
        for line in self.exports:
            self.terminal.type(line)
        self.init = self.do("strongroom operator init -key-shares=1 -key-threshold=1")
        self.share = re.search(r"srk1-\S+", self.init).group()
        self.do("strongroom operator unseal", ASKS_FOR_SHARE)
        self.unsealed = self.terminal.type_hidden(self.share)

    def put_a_secret(self):
        self.enabled = self.do("strongroom secrets enable -path=secret kv")
        self.put = self.do("strongroom kv put secret/shop/payments --env-file .env")

    def give(self, share):
        self.terminal.type("strongroom operator unseal", ASKS_FOR_SHARE)
        return self.terminal.type_hidden(share)

    def start_again(self):
        """kill -9, and a sealed server at the same address."""
        self.terminal.type("kill -9 %1; wait")
        self.serve(self.address)

    def end(self):
        self.terminal.type("kill %1; wait")
        self.terminal.end()


@pytest.fixture(scope="module")
def day():
    """Exactly the commands that README.md shows, one share, and the two lines that the server prints for clients."""
    desk = Desk(servers.fresh_folder("operator-day"))
    try:
        desk.open_the_store()
        desk.put_a_secret()
        desk.policy = desk.do("strongroom policy write shop shop.hcl")
        desk.do("strongroom approle create shop -token-policies=shop -out=shop.credentials")
        desk.login = desk.do("strongroom login -method=approle @shop.credentials")
        desk.read = desk.do("strongroom kv get secret/shop/payments")
        desk.who = desk.do("strongroom audit who secret/data/shop/payments --data data")
        yield desk
    finally:
        desk.end()


def has_line(pattern, shown):
    return re.search(f"^{pattern}$", shown, re.MULTILINE) is not None


def test_the_server_prints_two_lines_for_clients(day):
    assert len(day.exports) == 2


def test_init_says_what_comes_next(day):
    assert "next: strongroom operator unseal" in day.init


def test_a_share_opens_the_store_and_is_not_shown(day):
    assert day.share not in day.unsealed
    assert has_line("Sealed +false", day.unsealed)


def test_a_secret_and_a_policy_are_written(day):
    assert "secret/" in day.enabled
    assert has_line("version +1", day.put)
    assert "shop" in day.policy


def test_credentials_are_readable_by_their_owner_alone(day):
    assert (day.folder / "shop.credentials").stat().st_mode & 0o777 == 0o600


def test_the_service_logs_in_and_reads(day):
    assert VALUE not in day.login
    assert VALUE in day.read


def test_the_auditor_is_told_who_read_it_and_why(day):
    line = r".*approle \(shop\) +127\.0\.0\.1 +read +secret/data/shop/payments +done +policy shop: secret/data/shop/\* \(line 1\).*"
    assert has_line(line, day.who), day.who


def test_it_took_ten_commands_and_no_configuration(day):
    assert len(day.typed) <= 10
    assert [path.name for path in day.folder.rglob("*.hcl")] == ["shop.hcl"]


# Mistakes: each is told apart and says what to do.


@pytest.fixture(scope="module")
def sealed():
    """A store with a secret in it, whose server was killed and started again; the operator has the root token."""
    desk = Desk(servers.fresh_folder("operator-mistakes"))
    try:
        desk.open_the_store()
        desk.put_a_secret()
        yield desk
    finally:
        desk.end()


@pytest.fixture
def mistaken(sealed):
    """The desk, sealed."""
    sealed.start_again()
    return sealed


def test_a_sealed_server_is_told_with_what_to_do(mistaken):
    shown = mistaken.terminal.type("strongroom kv get secret/shop/payments")
    assert "error: the server is sealed: 0 of 1 shares given" in shown
    assert "fix  strongroom operator unseal" in shown
    assert mistaken.terminal.code() == 6
    mistaken.terminal.type("strongroom status")
    assert mistaken.terminal.code() == 2


def test_a_mistyped_share_is_told_as_one(mistaken):
    typo = mistaken.share[:-1] + ("b" if mistaken.share[-1] != "b" else "c")
    shown = mistaken.give(typo)
    assert "checksum does not match" in shown and "compare it with the original" in shown
    assert typo not in shown and mistaken.share not in shown


def test_a_share_of_another_store_is_told_as_one(mistaken, folder):
    other, _ = another_store(mistaken, folder)
    shown = mistaken.give(other)
    assert "another" in shown and "checksum" not in shown, shown
    assert has_line("Sealed +true", mistaken.terminal.type("strongroom status"))
    assert has_line("Sealed +false", mistaken.give(mistaken.share))


def test_a_wrong_ca_is_told_with_what_was_presented(mistaken, folder):
    _, other_ca = another_store(mistaken, folder)
    assert has_line("Sealed +false", mistaken.give(mistaken.share))
    shown = mistaken.terminal.type(f"VAULT_CACERT={other_ca} strongroom kv get secret/shop/payments")
    assert mistaken.terminal.code() == 10
    assert "is signed by a CA that is not known here" in shown
    assert "it showed a certificate for \"Strongroom\"" in shown and "SHA-256 " in shown
    assert "--ca-cert=FILE" in shown
    assert VALUE not in shown
    assert VALUE in mistaken.terminal.type("strongroom kv get secret/shop/payments")


def another_store(desk, folder):
    """A share and the CA of a second store, whose server then ends."""
    address = f"127.0.0.1:{servers.free_port()}"
    desk.serve(address, data=folder / "other")
    ca_file = folder / "other" / "tls" / "ca.pem"
    shown = desk.terminal.type(f"STRONGROOM_HOME={folder}/home VAULT_ADDR=https://{address} VAULT_CACERT={ca_file} "
                               "strongroom operator init -key-shares=1 -key-threshold=1")
    desk.terminal.type("kill %2; wait %2")
    return re.search(r"srk1-\S+", shown).group(), ca_file
