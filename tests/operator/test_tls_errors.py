"""Finding C11: an error about TLS or a login names its cause and what to do."""

import subprocess

import pytest

import servers
from tests.conftest import open_with_secret
from tests.operator.program import run


def openssl(*arguments):
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)


class Files:
    """A certificate for 127.0.0.1, its key in several forms, and a pair of somebody else."""

    def __init__(self, folder):
        self.folder = servers.self_signed(folder)
        self.certificate, self.key = folder / "server.pem", folder / "server-key.pem"
        self.encrypted, self.old_encrypted, self.other = folder / "encrypted.pem", folder / "old.pem", folder / "other.pem"
        openssl("pkey", "-in", self.key, "-aes256", "-passout", "pass:x", "-out", self.encrypted)
        openssl("ec", "-in", self.key, "-aes256", "-passout", "pass:x", "-out", self.old_encrypted)
        openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", self.other)
        self.empty = folder / "empty.pem"
        self.empty.write_text("")
        for file in folder.iterdir():
            file.chmod(0o600)


@pytest.fixture
def files(folder):
    return Files(folder / "tls")


KEYS = {  # which file is named as the key: words that must be told, and words that must not
    "encrypted": (["encrypted", "openssl pkey", "0600"], ["no items found"]),
    "old_encrypted": (["encrypted", "openssl pkey", "0600"], ["base64"]),
    "certificate": (["holds no private key", "PRIVATE KEY"], ["no items found"]),
    "empty": (["holds no private key", "PRIVATE KEY"], ["no items found"]),
    "other": (["does not belong to"], ["KeyMismatch"]),
}


@pytest.mark.parametrize("key", KEYS)
def test_c11_a_server_says_what_is_wrong_with_its_key_file(folder, files, key):
    config = folder / "strongroom.hcl"
    config.write_text(
        f'listener "tcp" {{\n  address = "127.0.0.1:{servers.free_port()}"\n  tls_cert_file = "{files.certificate}"\n'
        f'  tls_key_file = "{getattr(files, key)}"\n}}\n' + servers.storage_stanza(folder / "data")
    )
    told = run("server", f"-config={config}")
    check(told, KEYS[key], str(getattr(files, key)))


@pytest.mark.parametrize("key", KEYS)
def test_c11_a_client_says_what_is_wrong_with_its_key_file(files, key):
    told = run("status", "--address=https://127.0.0.1:1", f"-client-cert={files.certificate}", f"-client-key={getattr(files, key)}")
    check(told, KEYS[key], "client key")


def check(told, words, place):
    assert told.code == 1 and place in told.text, told
    assert [word for word in words[0] if word not in told.text] == [], told
    assert [word for word in words[1] if word in told.text] == [], told


class Demanding(servers.ConfiguredStrongroom):
    """A server that lets in only clients with a certificate of its authority."""

    def __init__(self, folder, files):
        super().__init__(folder)
        self.files = files

    def write_files(self):
        tls = (f'tls_cert_file = "{self.files.certificate}"\n  tls_key_file = "{self.files.key}"\n'
               f'  tls_client_ca_file = "{self.files.certificate}"\n  tls_require_and_verify_client_cert = true')
        super().write_files()
        self.config.write_text(self.config.read_text().replace("tls_disable = true", tls))

    def is_up(self):
        return "Log data will stream" in self.log_text()


@pytest.fixture
def demanding(folder, files):
    with Demanding(folder / "server", files) as server:
        yield server


@pytest.mark.parametrize("command", [["status"], ["write", "sys/policies/acl/p", "policy=-"], ["read", "sys/mounts"]],
                         ids=["status", "a long write", "read"])
@pytest.mark.parametrize("shown", ["none", "another's"])
def test_c11_a_demanded_client_certificate_is_named(demanding, files, command, shown):
    more = []
    if shown != "none":
        openssl("req", "-x509", "-key", files.other, "-subj", "/CN=other", "-days", "9", "-out", files.folder / "o.pem")
        more = [f"-client-cert={files.folder / 'o.pem'}", f"-client-key={files.other}"]
    told = subprocess.run(
        [servers.strongroom_path(), *command, f"--address=https://127.0.0.1:{demanding.port}", f"-ca-cert={files.certificate}", *more],
        input="#" * 900_000, capture_output=True, text=True, env=servers.plain_environment() | {"STRONGROOM_HOME": str(files.folder), "VAULT_TOKEN": "x"},
    )
    assert told.returncode == 10, told
    assert "client certificate" in told.stderr and "--client-cert=FILE" in told.stderr, told.stderr
    assert "no server listens there" not in told.stderr, told.stderr


@pytest.mark.parametrize("words", [["TOKEN"], ["-method=token", "token=TOKEN"]], ids=["bare", "named"])
def test_c11_a_refused_login_does_not_speak_of_an_unnamed_token(folder, words):
    with open_with_secret(servers.ConfiguredStrongroom(folder / "server")) as server:
        server.root_token = None
        told = server.client("login", *[word.replace("TOKEN", "srs.not-a-token") for word in words])
    assert told.returncode == 4, told
    assert "the given token has expired, was revoked, or belongs to another server" in told.stderr, told.stderr
    assert "()" not in told.stderr and "srs.not-a-token" not in told.stderr, told.stderr
