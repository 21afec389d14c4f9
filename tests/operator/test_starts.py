"""Starts that must be refused: a second process, a damaged file, an audit log that cannot be opened."""

import os
import shutil

import pytest

import servers
from tests.operator.program import run, serve


def test_a_second_process_is_refused_and_the_first_goes_on(configured):
    told = serve(configured.data)
    assert told.code == 1, told
    assert "is locked" in told.text and "stop the other process" in told.text, told
    assert configured.ask("GET", "secret/data/a").status == 200


def test_an_audit_log_that_is_a_folder_is_named(folder):
    blocked = folder / "blocked"
    blocked.mkdir()
    file = folder / "audit.hcl"
    file.write_text(servers.listener_stanza(1) + servers.storage_stanza(folder / "data") + servers.audit_stanza(blocked))
    told = run("server", f"-config={file}")
    assert told.code == 1, told
    assert str(blocked) in told.text and "audit" in told.text, told


def serve_audited(folder, audit):
    """Tries to serve with that audit file, where that must be refused."""
    file = folder / "audit.hcl"
    port = servers.free_port()
    file.write_text(servers.listener_stanza(port) + servers.storage_stanza(folder / "data") + servers.audit_stanza(audit))
    return run("server", f"-config={file}")


def make_fifo(folder):
    os.mkfifo(folder / "audit.fifo", 0o600)
    return folder / "audit.fifo"


def make_open(folder):
    (folder / "open.log").touch()
    (folder / "open.log").chmod(0o666)
    return folder / "open.log"


def make_link(folder):
    (folder / "real.log").touch(0o600)
    (folder / "link.log").symlink_to(folder / "real.log")
    return folder / "link.log"


AUDITS = {"a FIFO": make_fifo, "a device": lambda _: "/dev/null", "a file that all may write": make_open, "a link": make_link}


@pytest.mark.parametrize("make", AUDITS.values(), ids=AUDITS.keys())
def test_s22_an_audit_file_that_keeps_nothing_or_is_open_to_all_is_refused(folder, make):
    audit = make(folder)
    told = serve_audited(folder, audit)
    assert told.code == 1 and str(audit) in told.text, told


EXPOSED = {"the folder": "", "a boot file": "boot.a", "the store": "sled", "a file of the store": "sled/db"}


@pytest.mark.parametrize("name", EXPOSED.values(), ids=EXPOSED.keys())
def test_s22_a_data_folder_that_others_may_write_is_refused_and_starts_again_once_mended(configured, name):
    configured.stop()
    path = configured.data / name
    before = path.stat().st_mode
    path.chmod(0o777 if path.is_dir() else 0o666)
    told = serve(configured.data)
    assert told.code == 1 and str(path) in told.text and "chmod go-w" in told.text, told
    path.chmod(before)
    configured.start_again()
    assert configured.ask("GET", "secret/data/a").status == 200


def test_s22_a_link_in_a_folder_that_all_may_write_is_refused(configured):
    configured.stop()
    shared = configured.folder / "shared"
    shared.mkdir()
    shared.chmod(0o777)
    (shared / "data").symlink_to(configured.data)
    told = serve(shared / "data")
    assert told.code == 1 and str(shared) in told.text and "chmod o-w" in told.text, told


def spoil(file):
    """Writes over a page in the middle, and over the first bytes."""
    size = file.stat().st_size
    with open(file, "r+b") as damaged:
        for at in {0, size // 2}:
            damaged.seek(at)
            damaged.write(b"\xa5" * min(4096, size))


def test_one_damaged_boot_copy_costs_nothing(configured):
    configured.stop()
    spoil(configured.data / "boot.a")
    configured.start_again()
    assert configured.ask("GET", "secret/data/a").status == 200


@pytest.mark.parametrize("files", [["boot.a", "boot.b"], ["sled/db"]], ids=["both boot copies", "the store"])
def test_damage_is_told_and_a_kept_folder_opens(configured, files):
    configured.stop()
    data, kept = configured.data, configured.folder / "kept"
    shutil.copytree(data, kept)
    for name in files:
        spoil(data / name)
    told = serve(data)
    assert told.code == 8, told
    assert "damaged" in told.text and "restore it from a backup" in told.text, told
    assert "panicked" not in told.text, told
    shutil.rmtree(data)
    shutil.copytree(kept, data)
    configured.start_again()
    assert configured.ask("GET", "secret/data/a").status == 200


LOST = {
    "both boot copies": (["boot.a", "boot.b"], "its boot file is gone"),
    "the store": (["sled"], "is damaged"),
    "the store and its marker": (["sled", "sled.made"], "the store's data is gone"),
}


@pytest.mark.parametrize(("names", "words"), LOST.values(), ids=LOST.keys())
def test_u9_half_of_a_store_is_no_new_store(configured, names, words):
    """Neither looks like a server that was never initialised: whoever ran init again would write over what is left."""
    configured.stop()
    for name in names:
        lost = configured.data / name
        shutil.move(lost, configured.folder / name)
    told = serve(configured.data)
    assert told.code == 8, told
    assert words in told.text and "restore" in told.text, told
    assert "operator init" not in told.text, told
    for name in names:
        kept = configured.data / name
        shutil.rmtree(kept, ignore_errors=True)
        kept.unlink(missing_ok=True)
        shutil.move(configured.folder / name, kept)
    configured.start_again()
    assert configured.ask("GET", "secret/data/a").status == 200
