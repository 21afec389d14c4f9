"""U13: every block of commands in README.md and the guides is typed, in order, by somebody with an empty folder.

A page is typed from its first block to its last, so a block that is added is typed too. A guide says that it goes on
where the README's operator ends, so those commands are typed first.
"""

import json
import os
import re
import shlex
import shutil
import subprocess

import jwt
import pytest

import servers
from tests.operator.documents import DATA, PAGES, SECRET, Block, Reader, blocks, commands_under

STORIES = "Three stories"
COMMANDS_MAX = 12
# Blocks that are no commands, each with the test below that holds it.
DATA_LANGUAGES = {"python": "first-service", "hcl": "reachable", "ini": "reachable", "yaml": "test_metrics.py"}


def story(index):
    """The README's stories: an operator sets it up, comes back to a sealed server; a service starts; an auditor asks."""
    return commands_under("README.md", STORIES)[index]


@pytest.fixture
def reader(folder):
    reader = Reader(folder)
    yield reader
    reader.end()


def typed(reader, block):
    """Types a block, and answers how many commands it took."""
    before = reader.typed
    shown = reader.type_block(block)
    return shown, reader.typed - before


def test_u13_every_block_has_a_language_and_is_typed_or_checked():
    found = [block for page in PAGES for block in blocks(page)]
    assert len(found) > 10
    unknown = [(block.page, block.heading, block.language) for block in found if block.language not in ("sh", *DATA_LANGUAGES)]
    assert unknown == []
    fences = sum((servers.ROOT / page).read_text().count("\n```") for page in PAGES)
    assert fences == 2 * len(found), "a block is not read"


def test_u13_the_readmes_first_commands_are_run_by_the_areas():
    first = blocks("README.md")[0]
    areas = (servers.ROOT / "scripts" / "areas").read_text()
    for command in first.commands():
        script = command.split()[0]
        assert os.access(servers.ROOT / script, os.X_OK)
        assert script == "scripts/test" or f"{script} --check" in areas
    others = [block for block in blocks("README.md")[1:] if block.heading != STORIES]
    assert others == []


def test_u13_the_readmes_stories_succeed_from_nothing(reader):
    counts = []
    for index in range(4):
        shown, count = typed(reader, story(index))
        counts.append(count)
        if index == 2:
            assert SECRET in shown[1] and shown[2].count(".") >= 2, shown
        if index == 3:
            assert re.search(r"approle \(shop\).*read.*secret/data/shop/payments.*policy shop", shown[0]), shown
            assert "PROVED" in shown[-1]
    assert len(commands_under("README.md", STORIES)) == len(counts)
    assert max(counts) <= COMMANDS_MAX, counts


def set_up(reader):
    typed(reader, story(0))


def serve_again(reader):
    """The guide is for somebody whose server was restarted."""
    reader.restart()


def read_as_the_service(reader):
    """The auditor finds a service that read its key."""
    typed(reader, story(2))


GUIDES = [page for page in PAGES if page != "README.md"]
FIRST = {"docs/guides/operating.md": serve_again, "docs/guides/auditing.md": read_as_the_service}
STOPPED = {("docs/guides/reachable-server.md", "Backup")}  # the text says to stop the server first


@pytest.mark.parametrize("page", GUIDES)
def test_u13_every_guide_is_typed_from_its_first_block_to_its_last(reader, page):
    set_up(reader)
    if page in FIRST:
        FIRST[page](reader)
    for block in blocks(page):
        if (page, block.heading) in STOPPED:
            reader.stop()
        if block.language == "sh":
            reader.type_block(block)
        if block.language == "python":
            check_the_token(reader, block)


def check_the_token(reader, block):
    """Runs what the first service's guide shows for PyJWT, over the files that its commands made."""
    token = json.loads((reader.work / "service-token.json").read_text())["data"]["token"]
    names = {"jwt": jwt, "token": token, "ISSUER": f"https://{reader.address}/v1/service_tokens",
             "open": lambda name: (reader.work / name).open()}
    exec(block.text, names)
    assert names["claims"]["aud"] == "warehouse"


def test_u13_a_command_that_fails_is_noticed(reader):
    with pytest.raises(AssertionError, match="ended with 1"):
        reader.type("false")
    reader.type("(exit 2)   # it ends with 2")


def test_u13_here_documents_and_long_lines_are_one_command():
    block = Block("", "", "sh", "a <<'END'\n# text\nEND\n\nb \\\n  c\n# a comment\nd\n")
    assert block.commands() == ["a <<'END'\n# text\nEND", "b \\\n  c", "d"]


def test_u14_the_unit_and_its_drop_in_start_a_server(folder):
    """`systemd-analyze verify` reads the unit where it is at hand; its command is run in any case."""
    unit = servers.ROOT / "contrib" / "strongroom.service"
    drop_in, = (block.text for block in blocks("docs/guides/reachable-server.md") if block.language == "ini")
    lines = [line for text in (unit.read_text(), drop_in) for line in text.splitlines() if line.startswith("ExecStart=/")]
    assert len(lines) == 2
    for index, line in enumerate(lines):
        program, *words = shlex.split(line.removeprefix("ExecStart="))
        assert program == "/usr/local/bin/strongroom"
        port, data = servers.free_port(), folder / str(index)
        words = [word.replace(DATA, str(data)).replace(":8200", f":{port}") for word in words]
        more = [] if "--listen" in words else ["--listen", f"127.0.0.1:{port}"]
        with (folder / "log").open("w") as log:
            process = subprocess.Popen([servers.strongroom_path(), *words, *more], stdout=log, stderr=log)
        try:
            servers.until(lambda: "VAULT_CACERT" in (folder / "log").read_text(), what="the server")
        finally:
            process.terminate()
            process.wait(30)
    if shutil.which("systemd-analyze"):
        copy = folder / unit.name
        copy.write_text(unit.read_text().replace("/usr/local/bin/strongroom", str(servers.strongroom_path())))
        told = subprocess.run(["systemd-analyze", "verify", copy], capture_output=True, text=True)
        assert "strongroom.service" not in told.stderr, told.stderr


def test_u14_the_configuration_of_the_guide_is_read(folder):
    """With files in the places that it names, the server starts with it."""
    text, = (block.text for block in blocks("docs/guides/reachable-server.md") if block.language == "hcl")
    tls = servers.self_signed(folder / "tls")
    port = servers.free_port()
    for old, new in {DATA: folder / "data", "/etc/strongroom/server.pem": tls / "server.pem", ":8200": f":{port}",
                     "/etc/strongroom/server-key.pem": tls / "server-key.pem"}.items():
        assert old in text
        text = text.replace(old, str(new))
    (folder / "server.hcl").write_text(text)
    (tls / "server-key.pem").chmod(0o600)
    with (folder / "log").open("w") as log:
        process = subprocess.Popen([servers.strongroom_path(), "server", f"-config={folder}/server.hcl"], stdout=log, stderr=log)
    try:
        servers.until(lambda: "started!" in (folder / "log").read_text(), 60, (folder / "log"))
    finally:
        process.terminate()
        process.wait(30)
