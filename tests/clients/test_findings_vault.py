"""Findings C5 and C12: our command line, called as `vault`, beside `bao`: the same words give the same answer and code."""

import json

import pytest

import servers
from tests.clients.process import environment, run


class Twins:
    """`bao` and our program under the name `vault`, against one server, each with a home of its own."""

    def __init__(self, server, folder):
        self.server, self.folder = server, folder
        (folder / "vault").symlink_to(servers.strongroom_path())
        (folder / "bad.hcl").write_text('path "a" {')
        (folder / "dir").mkdir()

    def run(self, words, more=None):
        """What both did: first `bao`, then ours."""
        return [self.run_one(program, words, more) for program in ("bao", "vault")]

    def run_one(self, program, words, more=None):
        home = self.folder / f"home-{program}"
        home.mkdir(exist_ok=True)
        seen = environment(self.server, home) | {"BAO_TOKEN": self.server.root_token, "VAULT_TOKEN": self.server.root_token}
        words = [word.replace("FOLDER", str(self.folder)) for word in words]
        command = [str(self.folder / "vault") if program == "vault" else "bao", *words]
        return run(command, seen | (more or {}))


@pytest.fixture
def twins(server, folder, against_openbao):
    assert not against_openbao, "our command line is for our server: leave this out"
    return Twins(server, folder)


# C5. `kv get -field=data` failed, and so did the names at the top of an answer.

FIELDS = ["data", "x", "metadata", "request_id", "lease_id", "version", "nope"]


@pytest.mark.parametrize("form", ["table", "json"])
@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("secret", ["plain", "named"])
def test_c5_field_names_the_whole_or_a_part(twins, secrets_at, secret, field, form):
    kept = {"plain": {"x": "1", "y": "two"}, "named": {"data": "inner", "metadata": "m", "request_id": "r"}}[secret]
    twins.server.ask("POST", f"{secrets_at}/data/{secret}", {"data": kept})
    bao, ours = twins.run(["kv", "get", f"-format={form}", f"-field={field}", f"{secrets_at}/{secret}"])
    assert (ours.returncode, ours.stdout) == (bao.returncode, bao.stdout), ours.stderr


@pytest.mark.parametrize("form", ["table", "json"])
@pytest.mark.parametrize("field", ["data", "metadata", "lease_id", "lease_duration", "renewable", "auth", "warnings", "nope"])
def test_c5_field_of_a_read_is_found_where_bao_finds_it(twins, secrets_at, field, form):
    bao, ours = twins.run(["read", f"-format={form}", f"-field={field}", f"{secrets_at}/data/db"])
    told = [json.loads(done.stdout) if form == "json" and done.returncode == 0 else done.stdout for done in (bao, ours)]
    assert (ours.returncode, told[1]) == (bao.returncode, told[0]), ours.stderr


@pytest.mark.parametrize("words", [["token", "lookup"], ["kv", "metadata", "get", "SECRETS/db"]], ids=" ".join)
def test_c5_data_is_the_whole_for_every_command(twins, secrets_at, words):
    words = [word.replace("SECRETS", secrets_at) for word in words]
    name, place = words[:-1] if len(words) > 2 else words, words[-1:] if len(words) > 2 else []
    done = twins.run_one("vault", [*name, "-format=json", "-field=data", *place])
    whole = twins.run_one("vault", [*name, "-format=json", *place])
    assert done.returncode == 0 and json.loads(done.stdout).keys() == json.loads(whole.stdout)["data"].keys(), done.stderr


# C12. Exit codes and warnings as scripts know them.

SAME_CODE = [
    "policy write p /no/file", "policy write p FOLDER/dir", "policy write p", "policy write p FOLDER/bad.hcl",
    "policy read nopol", "write SECRETS/data/q @/no/file", "write SECRETS/data/q x=@/no/file", "write SECRETS/data/q foo",
    "write SECRETS/data/q", "kv put SECRETS/q @/no/file", "kv put SECRETS/q x=@/no/file", "kv put SECRETS/q", "kv put",
    "kv get", "kv get SECRETS/none", "kv get -field=nope SECRETS/db", "kv get -version=99 SECRETS/db", "kv get nomount/x",
    "kv list SECRETS/none", "list nomount", "read nomount/x", "delete", "nosuchcommand", "", "-nosuch", "kv", "kv nosuch",
    "operator nosuch", "kv get -nosuchflag SECRETS/db", "token lookup nosuch", "token revoke", "token revoke nosuch",
    "token renew nosuch", "token create -ttl=zz", "token create -period=zz", "token create -explicit-max-ttl=zz",
    "token renew -increment=zz", "kv metadata put -delete-version-after=zz SECRETS/db", "read -wrap-ttl=zz SECRETS/data/db",
    "login -method=nosuch", "login badtoken", "login @/no/file", "login a b", "secrets enable nosuch", "secrets enable",
    "secrets enable -default-lease-ttl=zz kv-v2", "secrets disable", "secrets disable nomount", "secrets tune nomount",
    "secrets tune SECRETS", "secrets tune -default-lease-ttl=zz SECRETS", "secrets tune -default-lease-ttl=-1 SECRETS",
    "auth enable nosuch", "auth tune nomount", "operator unseal zz", "operator init", "policy delete nopol",
    "path-help nomount", "kv metadata get SECRETS/none", "kv rollback SECRETS/db", "kv delete SECRETS/none",
    "kv destroy SECRETS/db", "status -x", "read -format=zz SECRETS/data/db", "status", "version",
]


@pytest.mark.parametrize("line", SAME_CODE)
def test_c12_the_exit_code_is_baos(twins, secrets_at, line):
    bao, ours = twins.run(line.replace("SECRETS", secrets_at).split())
    assert ours.returncode == bao.returncode, f"bao: {bao.stdout}{bao.stderr}\nours: {ours.stdout}{ours.stderr}"


@pytest.mark.parametrize(("names", "value"), [(["CACERT"], "/no/file"), (["CLIENT_CERT", "CLIENT_KEY"], "/no/file"),
                                              (["ADDR"], "::bad"), (["ADDR"], "http://127.0.0.1:1"), (["FORMAT"], "zz")])
def test_c12_the_exit_code_for_a_wrong_environment_is_baos(twins, secrets_at, names, value):
    wrong = {f"{prefix}_{name}": value for prefix in ("VAULT", "BAO") for name in names}
    bao, ours = twins.run(["read", f"{secrets_at}/data/db"], wrong)
    assert ours.returncode == bao.returncode, f"bao: {bao.stderr}\nours: {ours.stderr}"


@pytest.mark.parametrize("flags", [[], ["-no-store"], ["-token-only"], ["-field=token"], ["-format=json"]], ids=" ".join)
def test_c12_login_warns_of_the_variable_where_bao_does(twins, flags):
    bao, ours = twins.run(["login", *flags, twins.server.root_token])
    assert ours.returncode == bao.returncode == 0, ours.stderr
    assert ("BAO_TOKEN environment variable is set" in bao.stderr) == ("VAULT_TOKEN environment variable is set" in ours.stderr)
    bao, ours = twins.run(["login", "a-wrong-token"])
    assert "VAULT_TOKEN environment variable is set" in ours.stderr, ours.stderr
