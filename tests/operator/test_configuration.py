"""A wrong configuration stops the start, with its line and what was probably meant."""

import pytest

import servers
from tests.operator.program import run

LISTENER = servers.listener_stanza(1)


def storage(kind="sled"):
    return f'storage "{kind}" {{\n  path = "FOLDER/data"\n}}\n'


WRONG = {  # what is wrong: the text, the line that is named, words that must be told
    "a misspelt key": (LISTENER.replace("address ", "adress ") + storage(), 2, ["adress", "address"]),
    "a misspelt stanza": (LISTENER.replace("listener", "listner") + storage(), 1, ["listner", "listener"]),
    "a storage that is not supported": (LISTENER + storage("raft"), 5, ["raft", "sled"]),
    "a seal that is not supported": (LISTENER + storage() + 'seal "awskms" {\n}\n', 8, ["awskms"]),
    "a second storage": (LISTENER + storage() + 'storage "inmem" {\n}\n', 8, ["twice", "strongroom.hcl:5"]),
    "a backend beside a storage": (LISTENER + storage() + 'backend "inmem" {\n}\n', 8, ["storage", "strongroom.hcl:5"]),
    "a text without an end": (LISTENER + 'cluster_name = "x\n' + storage(), 5, []),
}


@pytest.mark.parametrize(("text", "line", "words"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_configuration_is_refused_with_its_line(folder, text, line, words):
    file = folder / "strongroom.hcl"
    file.write_text(text.replace("FOLDER", str(folder)))
    told = run("server", f"-config={file}")
    assert told.code == 1, told
    assert f"strongroom.hcl:{line}" in told.text or f"line {line}" in told.text, told
    assert [word for word in words if word not in told.text] == [], told
    assert not (folder / "data").exists()


def test_the_same_configuration_without_a_fault_starts(configured):
    """Shows that the texts above are refused for their faults alone."""
    assert configured.config.read_text().startswith(LISTENER.replace(":1\"", f":{configured.port}\""))
    assert configured.ask("GET", "sys/health").status == 200
