#!/usr/bin/env python3
"""Runs hvac's own integration tests against a server that runs already, and writes down how each ended.

    hvac_adapter.py SERVER OUTCOMES FILE…      in the folder of hvac's source archive

SERVER is a JSON file with `address`, `ca`, `root_token` and `keys`; OUTCOMES is the JSON file that is written. hvac's
tests are not changed: their module that starts a `vault` process is replaced by the one below before they are imported.
This is a process of its own because their package is called `tests`, as ours is.
"""

import json
import os
import sys
import time
import types

import pytest
import requests

UPGRADE_SECS_MAX, PAUSE_SECS = 20, 0.02


def put_in_place(server):
    """Replaces what hvac's tests know of the server: how it is started, its certificate, its version."""
    sys.path.insert(0, os.getcwd())
    import tests.utils as utils

    file_path = utils.get_config_file_path

    def get_config_file_path(*components):
        return server["ca"] if server["ca"] and components == ("server-cert.pem",) else file_path(*components)

    class ServerManager:
        """What stands in for hvac's class: the server is there, so starting and stopping it do nothing."""

        def __init__(self, config_paths, client=None, use_consul=False, patch_config=True):
            self.client, self.keys, self.root_token = client, server["keys"], server["root_token"]

        def start(self):
            self.client = utils.create_client(url=server["address"])

        def stop(self):
            self.client = None

        def initialize(self):
            self.client.token = self.root_token

        def unseal(self):
            utils.create_client(url=server["address"]).sys.submit_unseal_keys(self.keys)

        def get_active_vault_addresses(self):
            return [server["address"]]

        def restart_vault_cluster(self, perform_init=True):
            raise RuntimeError("a server that runs already is not started again")

    utils.get_config_file_path = get_config_file_path
    utils.get_vault_version_string.cache = server["version"]
    stand_in = types.ModuleType("tests.utils.server_manager")
    stand_in.ServerManager = ServerManager
    sys.modules[stand_in.__name__] = utils.server_manager = stand_in
    ask_again_while_a_mount_is_prepared()


def ask_again_while_a_mount_is_prepared():
    """OpenBao prepares a new KV version 2 mount in the background and refuses it meanwhile; hvac's tests do not wait."""
    once = requests.Session.request

    def request(session, *arguments, **named):
        ends = time.monotonic() + UPGRADE_SECS_MAX
        while True:
            answer = once(session, *arguments, **named)
            if answer.status_code != 400 or "Upgrading from non-versioned" not in answer.text or time.monotonic() > ends:
                return answer
            time.sleep(PAUSE_SECS)

    requests.Session.request = request


class Outcomes:
    """By the name of a test: `passed`, `skipped`, or the last line of why it failed."""

    def __init__(self):
        self.by_name = {}

    def pytest_runtest_logreport(self, report):
        name = report.nodeid.removeprefix("tests/integration_tests/")
        if report.failed:
            crash = getattr(report.longrepr, "reprcrash", None)
            self.by_name[name] = f"failed: {crash.message if crash else report.longrepr}"
        elif report.skipped:
            self.by_name.setdefault(name, f"skipped: {report.longrepr[2]}")
        elif report.when == "call":
            self.by_name.setdefault(name, "passed")


def main():
    server_path, outcomes_path, *files = sys.argv[1:]
    with open(server_path) as file:
        put_in_place(json.load(file))
    outcomes = Outcomes()
    options = ["-c", os.devnull, "--rootdir", os.getcwd(), "-q", "-p", "no:cacheprovider", "-W", "ignore", "--tb=short"]
    code = pytest.main([*options, *files], plugins=[outcomes])
    with open(outcomes_path, "w") as file:
        json.dump(outcomes.by_name, file)
    return 0 if code in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED) else int(code)


if __name__ == "__main__":
    sys.exit(main())
