"""hvac's own integration tests: where they are, how they are run against one server, and what must be true of the outcomes."""

import concurrent.futures
import json
import re
import subprocess
import sys
import tomllib

import servers
from tests.clients import process

ARCHIVE = servers.ROOT / "var" / "hvac" / "hvac-2.4.0"
ADAPTER = servers.ROOT / "tests" / "clients" / "hvac_adapter.py"
LEFT_OUT = servers.ROOT / "data" / "hvac_left_out.toml"
SUITE_SECS_MAX = 180
FILES = [f"tests/integration_tests/{name}.py" for name in (
    "api/secrets_engines/test_kv_v2", "api/auth_methods/test_approle", "api/auth_methods/test_token",
    "v1/test_approle", "v1/test_integration",
    "api/system_backend/test_auth", "api/system_backend/test_leader", "api/system_backend/test_mount",
    "api/system_backend/test_policies", "api/system_backend/test_policy",
)]


def outcomes_of_both():
    """How each test ended against OpenBao and against Strongroom: two maps from its name."""
    with servers.DevOpenBao(servers.fresh_folder("hvac-theirs")) as theirs:
        with servers.DevTlsStrongroom(servers.fresh_folder("hvac-ours")) as ours:
            with concurrent.futures.ThreadPoolExecutor(2) as pool:
                return tuple(pool.map(outcomes, (theirs, ours)))


def outcomes(server, archive=ARCHIVE, files=FILES):
    """Runs the files against a server and returns by the name of each test how it ended. Raises Trouble."""
    if not (archive / "tests" / "integration_tests").is_dir():
        raise servers.Trouble(f"hvac's tests are not in {archive}: run scripts/test clients")
    described, found, home = (server.folder / name for name in ("server.json", "outcomes.json", "home"))
    home.mkdir()  # without the token that a development server leaves in its own
    described.write_text(json.dumps({
        "address": server.address, "ca": server.ca_file and str(server.ca_file), "root_token": server.root_token,
        "keys": server.shares or re.findall(r"Unseal Key: (\S+)", server.log_text()),
        # The level of Vault's API that both are asked at; hvac leaves out tests for older and newer ones.
        "version": "1.19.0",
    }))
    command = [sys.executable, ADAPTER, described, found, *files]
    done = subprocess.run(command, cwd=archive, env=process.environment(server, home), capture_output=True,
                          text=True, timeout=SUITE_SECS_MAX)
    if done.returncode != 0 or not found.exists():
        raise servers.Trouble(f"hvac's tests did not run against {server.name}:\n{done.stdout[-4000:]}{done.stderr[-4000:]}")
    return json.loads(found.read_text())


class LeftOut:
    """The tests that need not pass, from data/hvac_left_out.toml, each with why."""

    def __init__(self, text):
        self.why = {}
        for entry in tomllib.loads(text)["left_out"]:
            if entry.keys() != {"why", "reason", "tests"} or entry["why"] not in ("not built", "OpenBao fails it too"):
                raise ValueError(f"{LEFT_OUT.name}: each entry has `why`, `reason` and `tests`: {entry}")
            for name in entry["tests"]:
                if name in self.why:
                    raise ValueError(f"{LEFT_OUT.name}: {name} stands twice")
                self.why[name] = entry["why"]

    def faults(self, theirs, ours):
        """Everything that must not be: one line for each."""
        found = [f"{name}: ran against one server alone" for name in sorted(theirs.keys() ^ ours.keys())]
        for name in sorted(theirs.keys() & ours.keys()):
            passed, why = ours[name] == "passed", self.why.get(name)
            if passed and why:
                found.append(f"{name}: is left out, and passes: delete it from {LEFT_OUT.name}")
            elif not passed and why is None:
                found.append(f"{name}: {ours[name]}\n    (OpenBao: {theirs[name]})")
            elif why == "OpenBao fails it too" and theirs[name] == "passed":
                found.append(f"{name}: is left out because OpenBao fails it too, and OpenBao passes it")
        return found + [f"{name}: is left out, and there is no such test" for name in sorted(self.why.keys() - ours.keys())]
