"""Certificates while the server runs: what a client is shown after a renewal, and what bad files change."""

import hashlib
import os
import shutil
import signal
import ssl

import pytest

import servers
from tests.conftest import open_with_secret
from tests.operator.program import run


def shown(server):
    """A hash of the certificate that the server shows to a new connection."""
    pem = ssl.get_server_certificate(("127.0.0.1", server.port), timeout=10)
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest()


def reload(server, said):
    """Sends SIGHUP and waits for the line that tells what came of it."""
    before = server.log_text().count(said)
    os.kill(server.process.pid, signal.SIGHUP)
    server.wait_for(lambda: server.log_text().count(said) > before, said)


@pytest.fixture
def own(folder):
    """A server with a certificate of its own authority."""
    with open_with_secret(servers.Strongroom(folder / "server")) as server:
        yield server


def test_u6_a_certificate_that_operator_tls_makes_is_shown_without_a_restart(own):
    first = shown(own)
    told = run("operator", "tls", "--data", own.data, "vault.example")
    assert told.code == 0, told
    reload(own, "is new: connections get it from now on")
    assert shown(own) != first
    assert own.ask("GET", "secret/data/a").status == 200, "the store stays open, and the authority is the same"
    reload(own, "is in use already")


def test_u6_a_damaged_certificate_of_its_own_authority_is_made_again(own):
    first, file = shown(own), own.data / "tls" / "server.pem"
    file.write_bytes(file.read_bytes()[:200])
    reload(own, "is new: connections get it from now on")
    assert shown(own) != first
    assert own.ask("GET", "secret/data/a").status == 200


def test_u6_a_lost_authority_keeps_the_certificate_in_use(own):
    first = shown(own)
    (own.data / "tls" / "ca-key.pem").unlink()
    reload(own, "the old one stays in use")
    assert shown(own) == first
    assert own.ask("GET", "secret/data/a").status == 200


def test_u3_what_operator_tls_has_made_outlives_a_restart(own):
    told = run("operator", "tls", "--data", own.data, "vault.example")
    assert told.code == 0, told
    own.stop()
    own.start_again()
    made = shown(own)
    own.stop()
    own.start_again()
    assert shown(own) == made
    assert "vault.example" in (own.data / "tls" / "names").read_text()


def test_u6_files_of_the_configuration_are_read_again_at_sighup_and_bad_ones_change_nothing(folder):
    files = [folder / "made-1", folder / "made-2"]
    for place in files:
        place.mkdir()
        assert run("operator", "tls", "--data", place, "localhost").code == 0
    in_use = folder / "server.pem"
    shutil.copy(files[0] / "tls" / "server.pem", in_use)
    port, config = servers.free_port(), folder / "tls.hcl"
    config.write_text(
        f'listener "tcp" {{\n  address = "127.0.0.1:{port}"\n  tls_cert_file = "{in_use}"\n  tls_key_file = "{in_use}"\n}}\n'
        'storage "inmem" {}\n'
    )

    class ByFile(servers.Strongroom):
        def command(self):
            return [self.program, "server", f"-config={config}"]

    server = ByFile(folder / "server")
    server.port, server.ca_file = port, files[0] / "tls" / "ca.pem"
    with server:
        first = shown(server)
        shutil.copy(files[1] / "tls" / "server.pem", in_use)
        reload(server, "is new: connections get it from now on")
        second = shown(server)
        assert second != first
        whole = in_use.read_bytes()
        for bad in (b"", b"no certificate", whole[: len(whole) // 2], whole[len(whole) // 2 :]):
            in_use.write_bytes(bad)
            reload(server, "the old one stays in use")
            assert shown(server) == second
        in_use.write_bytes(whole)
        reload(server, "is in use already")
