"""node-vault: the cases of test_node_vault.js, each in a process of its own."""

import pathlib

import pytest

from tests.clients.process import environment, run

SCRIPT = pathlib.Path(__file__).with_suffix(".js")


@pytest.fixture
def node(server, folder, name):
    more = {"ROOT_TOKEN": server.root_token, "NAME": name}
    return lambda case: run(["node", str(SCRIPT), case], environment(server, folder) | more)


@pytest.mark.parametrize("case", ["state", "secrets", "policies", "approle", "tokens"])
def test_node_vault_works(node, case):
    done = node(case)
    assert (done.returncode, done.stdout) == (0, "held\n"), done.stdout + done.stderr


def test_a_wrong_value_ends_the_script_with_1(node):
    assert node("wrong").returncode == 1
