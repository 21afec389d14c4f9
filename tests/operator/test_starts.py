"""Starts that must be refused: a second process, a damaged file, an audit log that cannot be opened."""

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
