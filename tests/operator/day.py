"""The main job, typed: ten commands from nothing to an auditor's answer, then an operator's three mistakes."""

import pathlib
import re
import shutil

from tests.operator.terminal import READY, Terminal
from tests.oracle import servers

VALUE = "example-of-a-key-that-nobody-uses"


def ten_commands(check):
    """Exactly the commands that README.md shows, one share, and the two lines that the server prints for clients."""
    folder, terminal, port = desk()
    typed = []

    def do(command, until=READY):
        typed.append(command)
        return terminal.type(command, until)

    try:
        shown = do(f"strongroom server --data data --listen 127.0.0.1:{port} &", r"VAULT_CACERT=\S+\n(?s:.)*started")
        exports = re.findall(r"^ *(export VAULT_\w+=\S+)$", shown, re.MULTILINE)
        check("the server prints two lines for clients", len(exports), 2)
        for line in exports:
            terminal.type(line)
        shown = do("strongroom operator init -key-shares=1 -key-threshold=1")
        share = re.search(r"srk1-\S+", shown).group()
        check("init says what comes next", "next: strongroom operator unseal" in shown, True)
        do("strongroom operator unseal", r"share \(is not shown\): $")
        shown = terminal.type(share)
        check("a share is not shown", share not in shown, True)
        check("it is open", bool(re.search(r"^Sealed +false$", shown, re.MULTILINE)), True)
        check("secrets enable", "secret/" in do("strongroom secrets enable -path=secret kv"), True)
        check("kv put", bool(re.search(r"^version +1$", do("strongroom kv put secret/shop/payments --env-file .env"), re.MULTILINE)), True)
        check("policy write", "shop" in do("strongroom policy write shop shop.hcl"), True)
        do("strongroom approle create shop -token-policies=shop -out=shop.credentials")
        check("who can read the credentials", (folder / "shop.credentials").stat().st_mode & 0o777, 0o600)
        check("login", VALUE not in do("strongroom login -method=approle @shop.credentials"), True)
        check("kv get", VALUE in do("strongroom kv get secret/shop/payments"), True)
        shown = do("strongroom audit who secret/data/shop/payments --data data")
        check("who read it", bool(re.search(r"approle \(shop\) +read +secret/data/shop/payments +done +policy shop: secret/data/shop/\* \(line 1\)", shown)), True)
        check("at most ten commands", len(typed) <= 10, True)
        check("no configuration", [path.name for path in folder.rglob("*.hcl")], ["shop.hcl"])
        mistakes(check, terminal, share)
    finally:
        terminal.type("kill %1; wait")
        terminal.end()
        shutil.rmtree(folder)


def mistakes(check, terminal, share):
    """A sealed server, a wrong share, a wrong CA: each is told apart and says what to do."""
    terminal.type("strongroom login", r"(?i)token.*: $|" + READY)
    terminal.type("")
    terminal.type("kill -9 %1; wait; sleep 0.2")
    address = re.search(r"https://\S+", terminal.type("echo $VAULT_ADDR")).group().removeprefix("https://")
    terminal.type(f"strongroom server --data data --listen {address} &", r"VAULT_CACERT=\S+\n(?s:.)*started")
    shown = terminal.type("strongroom kv get secret/shop/payments")
    check("a sealed server says so", "error: the server is sealed: 0 of 1 shares given" in shown, True)
    check("and what to do", "fix  strongroom operator unseal" in shown, True)
    check("and by its exit code", terminal.code(), 6)
    check("status ends with 2", (terminal.type("strongroom status"), terminal.code())[1], 2)

    def give(text):
        terminal.type("strongroom operator unseal", r"share \(is not shown\): $")
        return terminal.type(text)

    typo = share[:-1] + ("b" if share[-1] != "b" else "c")
    shown = give(typo)
    check("a typing error is told as one", "checksum does not fit" in shown and "compare it with the original" in shown, True)
    check("a wrong share is not repeated", typo in shown or share in shown, False)
    other, other_ca = share_of_another(terminal, address)
    shown = give(other)
    check(f"a share of another store is told as one: {shown}", "another" in shown and "checksum" not in shown, True)
    check("and took nothing away", "Sealed" in terminal.type("strongroom status"), True)
    shown = give(share)
    check("the right share still opens it", bool(re.search(r"^Sealed +false$", shown, re.MULTILINE)), True)

    shown = terminal.type(f"VAULT_CACERT={other_ca} strongroom kv get secret/shop/payments")
    check("a wrong CA is told as one", "is signed by a CA that is not known here" in shown, True)
    check("with what was presented", "it showed a certificate for \"Strongroom\"" in shown and "SHA-256 " in shown, True)
    check("and what to do", "--ca-cert=FILE" in shown, True)
    check("and by its exit code", terminal.code(), 10)
    check("nothing was read", VALUE in shown, False)
    check("all is well again", VALUE in terminal.type("strongroom kv get secret/shop/payments"), True)


def share_of_another(terminal, address):
    """A share and the CA of a second store, whose server then ends."""
    host, port = address.rsplit(":", 1)
    address = f"{host}:{servers.free_port()}"
    terminal.type(f"strongroom server --data other --listen {address} &", r"VAULT_CACERT=\S+\n(?s:.)*started")
    shown = terminal.type(f"STRONGROOM_HOME=other-home VAULT_ADDR=https://{address} VAULT_CACERT=other/tls/ca.pem "
                          "strongroom operator init -key-shares=1 -key-threshold=1")
    terminal.type("kill %2; wait %2")
    return re.search(r"srk1-\S+", shown).group(), "other/tls/ca.pem"


def desk():
    folder = servers.fresh_directory("operator")
    programs = folder / "bin"
    programs.mkdir()
    (programs / "strongroom").symlink_to(pathlib.Path(servers.strongroom_path()).resolve())
    (folder / ".env").write_text(f"PAYMENT_API_KEY={VALUE}\n")
    (folder / "shop.hcl").write_text('path "secret/data/shop/*" { capabilities = ["read"] }\n')
    return folder, Terminal(folder, programs), servers.free_port()
