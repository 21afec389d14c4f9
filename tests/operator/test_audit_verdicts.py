"""S2, U4, U10: what an auditor is told of files that are whole, and of files that are not: proved, not proved, changed.

Two verifiers judge each case: `strongroom audit verify`, and scripts/verify_audit.py, which shares no code with it.
"""

import hashlib
import json
import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

import servers
from tests.conftest import open_with_secret

PROVED, CHANGED, NOT_PROVED = 0, 8, 11
OTHER = servers.ROOT / "scripts" / "verify_audit.py"


class Auditor:
    """Somebody with the public key, a folder of their own, and copies of files."""

    def __init__(self, folder, key):
        self.folder, self.key = folder, key
        folder.mkdir()

    def run(self, *words):
        environment = servers.plain_environment() | {"STRONGROOM_HOME": str(self.folder / "home")}
        command = [servers.strongroom_path(), *(str(word) for word in words)]
        return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60)

    def verify(self, *files, more=()):
        return self.run("audit", "verify", "--public-key", self.key, *(f"--file={file}" for file in files), *more)

    def both(self, *files, kept=None):
        """The exit codes of both verifiers, which must be one."""
        shutil.rmtree(self.folder / "home", ignore_errors=True)  # nothing is known from before
        ours = self.verify(*files, more=[f"--checkpoint={kept}"] if kept else [])
        words = (["--kept", kept] if kept else []) + [self.key, *files]
        other = subprocess.run([sys.executable, OTHER, *words], capture_output=True, text=True, timeout=60)
        assert ours.returncode == other.returncode, (ours, other)
        return ours.returncode


def fill(server, count=6):
    for _ in range(count):
        server.ask("GET", "secret/data/a")


@pytest.fixture(scope="module")
def made():
    """Two folders with the logs of a server each; of the first also a log that was rotated twice, and its checkpoints."""
    folder = servers.fresh_folder("audit-verdicts")
    with open_with_secret(servers.ConfiguredStrongroom(folder / "server")) as server:
        key, log = server.audit_key, server.audit_file()
        parts = []
        for number in (1, 2):
            fill(server)
            server.ask("PUT", "sys/seal")  # signs
            server.unseal()
            log.rename(log.with_name(f"audit.log.{number}"))
            parts.append(log.with_name(f"audit.log.{number}"))
            fill(server, 1)
            server.wait_for(log.exists, "the next file")
        fill(server)
        assert server.stop()
    with open_with_secret(servers.ConfiguredStrongroom(folder / "other")) as server:
        fill(server)
        server.stop()
        other = server.audit_file(), server.audit_key
    return folder, key, [*parts, log], other


@pytest.fixture
def auditor(made, folder):
    return Auditor(folder / "auditor", made[1])


@pytest.fixture
def parts(made, folder):
    """Copies of the three files of one log, in order."""
    return [shutil.copy(part, folder / f"{number}.log") for number, part in enumerate(made[2])]


def rotated_of(audit):
    """The rotated files of a log, in order: by their time, then by the number behind it."""
    endings = (path.name.removeprefix(f"{audit.name}.").partition("-") for path in audit.parent.glob(f"{audit.name}.2*"))
    ordered = sorted((time, int(count or 0), f"{time}{dash}{count}") for time, dash, count in endings)
    return [audit.with_name(f"{audit.name}.{ending}") for _, _, ending in ordered]


def lines(file):
    return Path(file).read_bytes().splitlines(keepends=True)


def write(file, kept):
    Path(file).write_bytes(b"".join(kept))


def test_a_whole_log_is_proved(auditor, parts):
    assert auditor.both(*parts) == PROVED


def test_rotated_files_are_found_by_their_name(auditor, made):
    told = auditor.verify(made[2][-1])
    assert told.returncode == PROVED, told
    assert re.search(r"lines 1 to \d+", told.stdout), told


def test_rotated_files_of_the_server_itself_are_proved(folder):
    """Some requests more than fit into a file, with two rotated files kept: the rest is proved with a kept checkpoint."""
    audit = folder / "audit.log"
    stanza = f'audit "file" "small" {{\n  path = "{audit}"\n  rotate_bytes = 65536\n  keep = 2\n}}\n'
    with open_with_secret(servers.ConfiguredStrongroom(folder / "server", tail=stanza)) as server:
        auditor = Auditor(folder / "auditor", server.audit_key)
        kept = folder / "kept.checkpoint"
        server.wait_for(lambda: fill(server) or len(rotated_of(audit)) == 2, "two rotated files")
        assert server.stop()
        rotated = rotated_of(audit)
        assert auditor.both(*rotated, audit) == PROVED
        assert auditor.verify(audit, more=[f"--write-checkpoint={kept}"]).returncode == PROVED
        server.start_again()
        server.wait_for(lambda: fill(server) or not set(rotated) & set(rotated_of(audit)), "two others")
        assert server.stop()
        rest = [*rotated_of(audit), audit]
        assert len(rest) == 3
        assert auditor.both(*rest) == NOT_PROVED
        assert auditor.both(*rest, kept=kept) in (PROVED, NOT_PROVED)  # as far as what was removed reaches
        newest = folder / "newest.checkpoint"
        assert auditor.verify(audit, more=[f"--write-checkpoint={newest}"]).returncode != CHANGED
        assert auditor.both(*rest, kept=newest) == PROVED


def test_an_edited_line_is_named(auditor, parts):
    own = lines(parts[1])
    place = next(number for number, line in enumerate(own) if b'"type":"response"' in line)
    own[place] = own[place].replace(b'"status":200', b'"status":403')
    write(parts[1], own)
    assert auditor.both(*parts) == CHANGED


def test_a_removed_line_is_named(auditor, parts):
    own = lines(parts[1])
    write(parts[1], own[:4] + own[5:])
    assert auditor.both(*parts) == CHANGED


def test_a_log_that_another_key_signed_is_changed(made, folder, parts):
    assert Auditor(folder / "other-key", made[3][1]).both(*parts) == CHANGED


@pytest.mark.parametrize(("present", "verdict"), [([1, 2], NOT_PROVED), ([2], NOT_PROVED), ([0, 2], CHANGED), ([0, 1], PROVED)], ids=str)
def test_missing_files_are_told(auditor, parts, present, verdict):
    """In the middle a gap shows; at the beginning it does; what is missing at the end only a kept checkpoint shows."""
    assert auditor.both(*(parts[number] for number in present)) == verdict


def test_with_a_kept_checkpoint_older_files_may_be_gone_and_newer_ones_may_not(auditor, parts, folder):
    kept = folder / "kept.checkpoint"
    assert auditor.verify(*parts, more=[f"--write-checkpoint={kept}"]).returncode == PROVED
    assert auditor.both(*parts, kept=kept) == PROVED
    assert auditor.both(parts[2], kept=kept) == PROVED
    assert auditor.both(parts[0], parts[1], kept=kept) == CHANGED
    own = lines(parts[2])
    write(parts[2], own[:-3])
    assert auditor.both(*parts, kept=kept) == CHANGED


def test_asking_twice_proves_no_more_than_asking_once(auditor, parts):
    for _ in range(2):
        assert auditor.verify(parts[2]).returncode == NOT_PROVED
    assert auditor.verify(*parts).returncode == PROVED
    assert auditor.verify(parts[2]).returncode == PROVED, "what came before was proved here"


def test_each_device_of_a_server_is_asked_for_by_itself(folder):
    second = folder / "second.log"
    stanza = f'audit "file" "second" {{\n  path = "{second}"\n}}\n'
    with open_with_secret(servers.ConfiguredStrongroom(folder / "server", tail=stanza)) as server:
        auditor = Auditor(folder / "auditor", server.audit_key)
        fill(server)
        assert server.stop()
        for file in (server.audit_file(), second, server.audit_file()):
            assert auditor.verify(file).returncode == PROVED


def test_an_empty_file_proves_nothing(auditor, parts, folder):
    write(parts[0], [])
    assert auditor.both(parts[0]) == NOT_PROVED
    kept = folder / "kept.checkpoint"
    assert auditor.verify(*parts[1:], more=[f"--write-checkpoint={kept}"]).returncode == NOT_PROVED
    assert auditor.both(parts[0], kept=kept) == NOT_PROVED


def test_a_log_of_another_server_is_no_proof_of_this_one(auditor, made, parts, folder):
    kept = folder / "kept.checkpoint"
    assert auditor.verify(*parts, more=[f"--write-checkpoint={kept}"]).returncode == PROVED
    assert auditor.both(made[3][0], kept=kept) == CHANGED, "another key signed it"


def test_an_unsigned_log_is_not_proved_wherever_it_stands(auditor, parts):
    own = lines(parts[0])
    first = next(number for number, line in enumerate(own) if b'"type":"checkpoint"' in line)
    write(parts[0], own[:first])
    assert auditor.both(parts[0]) == NOT_PROVED


def test_what_was_proved_here_before_is_asked_for_again(auditor, parts, folder):
    assert auditor.verify(*parts).returncode == PROVED
    empty = folder / "empty.log"
    write(empty, [])
    told = auditor.verify(empty)
    assert told.returncode == NOT_PROVED and "is not here" in told.stderr, told
    log = re.search(r"--without=(\w+)", told.stderr)[1]
    own = lines(parts[2])
    write(parts[2], own[:-3])
    assert auditor.verify(*parts).returncode == CHANGED
    assert auditor.verify(*parts, more=[f"--without={log}"]).returncode == PROVED


@pytest.mark.parametrize("words", [["who", "secret/data/a"], ["search"]], ids=["who", "search"])
def test_who_and_search_say_what_is_proved(auditor, parts, words):
    ask = lambda *more: auditor.run("audit", *words, f"--public-key={auditor.key}", *(f"--file={part}" for part in parts), *more)
    good = ask("-format=json")
    rows = json.loads(good.stdout)
    assert good.returncode == PROVED and rows and all(row["proved"] for row in rows)
    assert "Signed" not in ask().stdout
    own = lines(parts[1])
    place = next(number for number, line in enumerate(own) if b'"type":"response"' in line)
    own[place] = own[place].replace(b'"status":', b'"status" :')
    write(parts[1], own)
    bad = ask("-format=json")
    assert bad.returncode == CHANGED
    proved = [row["proved"] for row in json.loads(bad.stdout)]
    assert any(proved) and not all(proved)
    assert "NO" in ask().stdout


def test_without_a_key_nothing_is_called_proved(auditor, parts):
    told = auditor.run("audit", "who", "secret/data/a", f"--file={parts[0]}")
    assert told.returncode == NOT_PROVED and "public key" in told.stderr, told
    assert "NO" in told.stdout, "what the file says is shown all the same"


def append(log, *members):
    """Adds lines with the right number and the right hash of the line before, as somebody does who knows the format."""
    lines = log.read_bytes().splitlines()
    for text in members:
        seq, prev = json.loads(lines[-1])["seq"] + 1, hashlib.sha256(b"\0" + lines[-1]).hexdigest()
        lines.append(b'{"seq":%d,"prev":"%s",%s}' % (seq, prev.encode(), text.encode()))
    log.write_bytes(b"\n".join(lines) + b"\n")


ASKS = f'"time":"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.000000000Z}","type":"%s","auth":{{"display_name":"mallory"}},"request":{{"id":"f-1","operation":"read","path":"secret/data/a"}}'
INVENTED = [ASKS % "request", ASKS % "response" + ',"response":{"status":200}']


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_s3_lines_of_others_are_named(folder, end):
    with open_with_secret(servers.ConfiguredStrongroom(folder / "server")) as server:
        log, auditor = server.audit_file(), Auditor(folder / "auditor", server.audit_key)
        who = lambda: json.loads(auditor.run("audit", "who", "secret/data/a", f"--public-key={auditor.key}", f"--file={log}", "-format=json").stdout)
        fill(server)
        assert server.stop() if end == "stop" else server.kill() is None
        assert auditor.both(log) == PROVED
        append(log, *INVENTED)
        # After an orderly end the files show it; after a crash these lines are as unsigned as the last true ones.
        assert auditor.both(log) == (CHANGED if end == "stop" else PROVED)
        assert [row["proved"] for row in who() if row["display_name"] == "mallory"] == [False]

        server.start_again()
        fill(server, 1)
        assert server.stop() and "did not write these lines" in server.log_text()
        assert auditor.both(log) == CHANGED
        told = auditor.verify(log)
        assert "was not written by the server, nor was line" in told.stderr + told.stdout, told
        assert [row["proved"] for row in who() if row["display_name"] == "mallory"] == [False]
