"""What all outside tests share: their options, servers that end with their scope, and tidy folders.

scripts/lib/servers.py starts and stops the servers. A fixture here gives one with the scope that its name says.
"""

import pytest

import servers


def pytest_addoption(parser):
    group = parser.getgroup("strongroom")
    group.addoption("--long", action="store_true", help="the full counts of sweeps and random bodies")
    group.addoption("--openbao", action="store_true", help="clients: ask OpenBao instead, to see what Vault's API gives")
    group.addoption("--itself", action="store_true", help="oracle: compare OpenBao with OpenBao, without known differences")
    group.addoption("--show", action="store_true", help="oracle: print each answer of OpenBao, to write scenarios by")
    group.addoption("--spoil", metavar="AREA:N", help="oracle: change the N-th answer of an area; the run must then fail")


def pytest_sessionfinish(exitstatus):
    """Folders of a run that failed stay behind, with the logs of their servers."""
    servers.kill_all()
    if exitstatus == pytest.ExitCode.OK:
        servers.remove_folders()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Lets a fixture see at its end whether its test failed."""
    report = yield
    item.has_failed = getattr(item, "has_failed", False) or report.failed
    return report


@pytest.fixture
def folder(request):
    """An empty folder for one test."""
    return servers.fresh_folder(request.node.originalname.removeprefix("test_")[:40])


@pytest.fixture
def configured(folder):
    """A fresh, open server over sled: plain HTTP, one share, KV version 2 at `secret/` with a secret in `secret/a`."""
    with open_with_secret(servers.ConfiguredStrongroom(folder)) as server:
        yield server


def open_with_secret(server):
    server.open()
    server.api.ask("POST", "sys/mounts/secret", {"type": "kv", "options": {"version": "2"}})
    server.api.ask("POST", "secret/data/a", {"data": {"v": "example"}})
    return server
