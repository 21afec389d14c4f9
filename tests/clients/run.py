#!/usr/bin/env python3
"""Runs the real clients against one development server and one fresh sealed server, both over TLS.

    run.py [CLIENT…]             hvac node-vault curl bao pyjwt; all where none is named
    run.py --openbao [CLIENT…]   against OpenBao instead, plain HTTP: shows that the scripts expect what Vault's API gives

Each script stops at the first wrong value and ends with `N passed, M failed`. All run in one empty home directory.
"""

import os
import pathlib
import re
import subprocess
import sys
import time

sys.path.insert(0, __file__.rsplit("/tests/", 1)[0])

from tests.oracle import servers  # noqa: E402

HERE, ROOT = pathlib.Path(__file__).parent, servers.ROOT
PYTHON = str(ROOT / "var" / "venv" / "bin" / "python")
CLIENTS = {
    "hvac": [PYTHON, "test_hvac.py"],
    "node-vault": ["node", "test_node_vault.js"],
    "curl": ["bash", "test_curl.sh"],
    "bao": ["bash", "test_bao.sh"],
    "pyjwt": [PYTHON, "test_pyjwt.py"],
}
CLIENT_SECS_MAX = 180


def sealed_over_tls():
    """`server --data DIR`: sled, its own CA, not initialised."""
    port, directory = servers.free_port(), servers.fresh_directory("strongroom-data")
    command = [servers.strongroom_path(), "server", "--data", str(directory / "data"), "--listen", f"127.0.0.1:{port}"]
    server = servers.Server("strongroom server --data", command, port, directory)
    server.launch()

    def has_printed():
        found = re.search(r"VAULT_CACERT=['\"]?([^'\"\s]+)", server.log_text())
        server.ca_file = found and found.group(1)
        return server.ca_file and server.call("GET", "/v1/sys/seal-status").status == 200

    server.wait_for(has_printed, "line with VAULT_CACERT and an answer of seal-status over TLS")
    return server


def environment(server, sealed, home):
    kept = {"PATH": f"{ROOT / 'var' / 'venv' / 'bin'}:{os.environ['PATH']}", "HOME": str(home), "LANG": "C.UTF-8",
            "NODE_PATH": str(ROOT / "var" / "node" / "node_modules")}
    kept |= {"VAULT_ADDR": server.address, "BAO_ADDR": server.address, "ROOT_TOKEN": server.root_token,
             "SEALED_ADDR": sealed.address, "SEALED_CACERT": sealed.ca_file or "",
             "AGAINST": "strongroom" if server.ca_file else "openbao"}
    if server.ca_file:
        kept |= {"VAULT_CACERT": server.ca_file, "BAO_CACERT": server.ca_file, "NODE_EXTRA_CA_CERTS": server.ca_file,
                 "CURL_CA_BUNDLE": server.ca_file}
    return kept


def run(name, command, server, sealed):
    home, started = servers.fresh_directory(f"home-{name}"), time.monotonic()
    try:
        done = subprocess.run(command, cwd=HERE, env=environment(server, sealed, home), capture_output=True, text=True,
                              timeout=CLIENT_SECS_MAX)
        output, code = done.stdout + done.stderr, done.returncode
    except subprocess.TimeoutExpired as late:
        output, code = f"{late.stdout}\n{late.stderr}\nno end within {CLIENT_SECS_MAX} s", 1
    counts = re.findall(r"^(\d+) passed, (\d+) failed$", output, re.MULTILINE)
    passed, failed = (int(count) for count in counts[-1]) if counts else (0, 1)
    if code != 0 and not failed:
        failed = 1
    if failed or not passed:
        failed = max(failed, 1)
        print("\n".join(f"    {line}" for line in output.splitlines()[-40:]))
    print(f"{name}: {time.monotonic() - started:.1f} s, {passed} passed, {failed} failed", flush=True)
    return passed, failed


def main():
    arguments = sys.argv[1:]
    against_openbao = "--openbao" in arguments
    chosen = [argument for argument in arguments if argument != "--openbao"] or list(CLIENTS)
    passed = failed = 0
    for name in chosen:
        if against_openbao:
            if name == "pyjwt":
                continue  # OpenBao has no service tokens
            server, sealed = servers.openbao_dev(), servers.openbao_sealed()
        else:
            server, sealed = servers.strongroom_dev_tls(), sealed_over_tls()
        try:
            more, wrong = run(name, CLIENTS[name], server, sealed)
        finally:
            ends = [server.stop(), sealed.stop()]
        if not all(ends) and not against_openbao:
            print(f"{name}: a server did not end by SIGTERM within ten seconds")
            wrong += 1
        passed, failed = passed + more, failed + wrong
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed or not passed else 0)


if __name__ == "__main__":
    main()
