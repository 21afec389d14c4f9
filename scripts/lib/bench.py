"""Measures Strongroom beside a bare axum server and OpenBao in one run; called by scripts/bench, which has the tools.

Each server has core 0 to itself and the load generator core 1. Figures go to var/bench/figures.json and, as the tables
that stand in docs/reference/performance.md, to var/bench/figures.md.
"""

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

from load import load
from paired import measure_paired
from report import write_report
from servers import LOAD_CORE, SERVER_CORE, UNLIMITED, Bare, OpenBao, Strongroom, self_signed
from setup import SECRETS, enable_service_tokens, furnish, value_of

# What a KV read of 256 bytes answers with, where no broker was asked.
KV_ANSWER_BYTES = 568
PARTS = ["read", "list", "write", "login", "issue", "lookup", "audit", "memory", "restart"]


class Plan:
    """How much of everything: the whole form, or `--short` to see that the bench works."""

    def __init__(self, options):
        short = options.short
        self.parts = options.only.split(",") if options.only else PARTS
        self.servers = options.servers.split(",")
        self.rounds, self.secs, self.warm_secs = (1, 2, 1) if short else (3, 8, 2)
        self.pairs = options.pairs or (2 if short else 9)
        self.names = 2_000 if short else 99_000
        self.lines = 20_000 if short else 1_000_000
        self.logins = options.logins or (2_000 if short else 50_000)
        self.signatures, self.syncs = (5_000, 300) if short else (50_000, 3_000)
        self.root = Path(options.folder).resolve()
        self.programs, self.short = Path(options.programs), short
        self.bao = options.bao

    def does(self, part):
        return part in self.parts


def rounds(server, plan, label, *arguments, **more):
    """Warm-up, then the median of the rounds, figure by figure."""
    load(server, plan, *arguments, secs=plan.warm_secs, **more)
    runs = [load(server, plan, *arguments, **more) for _ in range(plan.rounds)]
    result = {name: statistics.median(run[name] for run in runs) for name in runs[0]}
    say_rate(server, label, result)
    return result


def measure_bare(plan, tls, answer_bytes):
    server = Bare(plan.root / "bare", plan.programs / "examples" / "bare_server", tls, answer_bytes, core=SERVER_CORE)
    server.start()
    try:
        return rounds(server, plan, f"{answer_bytes} bytes", 32, "read", "secret/data/bench", keys=SECRETS)
    finally:
        server.stop()


def measure_broker(server, plan):
    """All parts of the plan against one broker, on an empty folder."""
    found = {}
    shutil.rmtree(server.folder, ignore_errors=True)
    try:
        server.start()
        server.initialise()
        server.unseal()
        found["idle_mb"] = server.resident_bytes() / 1e6
        caller = furnish(server)
        found["answer_bytes"] = len(server.api.ask("GET", "secret/data/bench/0001", token=caller.token).body)
        measure_rates(server, plan, caller, found)
        if plan.does("audit") and isinstance(server, Strongroom):
            found["audit"] = measure_audit(server, plan, caller)
            server.start_again()
        if plan.does("memory") or plan.does("restart"):
            measure_many_logins(server, plan, caller, found)
        if plan.does("restart"):
            measure_restart(server, caller, found)
    finally:
        server.stop()
    return found


def measure_rates(server, plan, caller, found):
    token, write = caller.token, {"data": {"value": value_of()}}
    login = dict(body=caller.login_body())
    if plan.does("read"):
        found["read"] = rounds(server, plan, "KV v2 read", 32, "read", "secret/data/bench", token, keys=SECRETS)
    if plan.does("list") and isinstance(server, Strongroom):
        found["list"] = measure_reads_beside_a_list(server, plan, token)
    if plan.does("lookup"):
        path = "auth/token/lookup-self"
        found["lookup"] = rounds(server, plan, "token lookup-self", 32, "fixed", path, token, method="GET")
    if plan.does("issue") and enable_service_tokens(server.api):
        path, body = "service_tokens/token/bench", {"aud": ["bench"]}
        found["issue"] = rounds(server, plan, "service token", 32, "fixed", path, token, body)
    if plan.does("write"):
        # Each run has a folder of its own, so that every write makes a new secret.
        runs = [
            load(server, plan, 64, "write", f"secret/data/w{turn}", token, write, secs=None if turn else plan.warm_secs)
            for turn in range(plan.rounds + 1)
        ][1:]
        found["write"] = {name: statistics.median(run[name] for run in runs) for name in runs[0]}
        say_rate(server, "durable KV v2 write", found["write"])
    if plan.does("login"):
        found["login"] = rounds(server, plan, "AppRole login", 32, "fixed", "auth/approle/login", **login)


def measure_reads_beside_a_list(server, plan, token):
    """Reads alone, and while somebody lists a folder of `plan.names` names, one list after the other."""
    load(server, plan, 64, "write", "secret/data/long", token, {"data": {"value": "x"}}, limit=plan.names, secs=900)
    # The writes of the last moment went past the limit.
    listed = len(server.api.ask("LIST", "secret/metadata/long?limit=100000").data["keys"])
    read = (server, plan, 32, "read", "secret/data/bench", token)
    load(*read, keys=SECRETS, secs=plan.warm_secs)
    turns = []
    for _ in range(plan.rounds):
        alone = load(*read, keys=SECRETS)
        with Lister(server, plan) as lister:
            beside = load(*read, keys=SECRETS)
        turns.append({"p99_ms": alone["p99_ms"], "beside_p99_ms": beside["p99_ms"], "lists": lister.lists,
                      "ratio": beside["p99_ms"] / alone["p99_ms"]})
    result = {name: statistics.median(turn[name] for turn in turns) for name in turns[0]} | {"names": listed}
    say(f"{server.name:11} reads while {listed:,} names are listed: p99 {result['beside_p99_ms']:.2f} ms, "
        f"alone {result['p99_ms']:.2f} ms ({result['ratio']:.2f} times), {result['lists']:.0f} lists a round")
    return result


def measure_audit(server, plan, caller):
    """Reads until the log has `plan.lines` lines; then, with the server stopped, how long an auditor waits."""
    log = lambda: sorted(server.audit_file().parent.glob("audit.log*[!t]"))  # the rotated ones too, no checkpoint
    lines = lambda: sum(int(subprocess.run(["wc", "-l", file], capture_output=True, text=True).stdout.split()[0]) for file in log())
    missing = plan.lines - lines()
    if missing > 0:
        read = (server, plan, 32, "read", "secret/data/bench", caller.token)
        load(*read, keys=SECRETS, limit=missing // 2, secs=900)
    server.stop()
    found = {"lines": lines(), "mb": sum(file.stat().st_size for file in log()) / 1e6}
    began = time.monotonic()
    subprocess.run(["sha256sum", *log()], stdout=subprocess.DEVNULL, check=True)
    found["sha256_secs"] = time.monotonic() - began
    for name, words in (("verify", ["verify"]), ("who", ["who", "secret/data/bench/0001", "-format=json"])):
        began = time.monotonic()
        told = server.client("audit", *words, "--data", server.data, "--public-key", server.audit_key)
        found[f"{name}_secs"] = time.monotonic() - began
        if told.returncode != 0:
            raise RuntimeError(f"audit {name}: {told.stderr}")
    say(f"{server.name:11} audit log of {found['lines']:,} lines, {found['mb']:,.0f} MB: verify {found['verify_secs']:.2f} s, "
        f"who {found['who_secs']:.2f} s, sha256sum {found['sha256_secs']:.2f} s")
    return found


class Lister:
    """Lists a folder again and again, on the core of the load generator."""

    def __init__(self, server, plan):
        self.config = plan.root / "lister.curl"  # the token stands in a file, not in a command line
        self.config.touch(mode=0o600)
        url = f"{server.api.address}/v1/secret/metadata/long?list=true&limit=100000"
        head = f'header = "X-Vault-Token: {server.root_token}"\ncacert = "{server.ca_file}"\nsilent\n'
        self.config.write_text(head + f'url = "{url}"\noutput = "/dev/null"\nwrite-out = "%{{stderr}}%{{http_code}}\\n"\n' * 5_000)

    def __enter__(self):
        command = ["taskset", "-c", LOAD_CORE, "curl", "--config", str(self.config)]
        self.curl = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)  # not buffered
        time.sleep(0.2)
        return self

    def __exit__(self, *_):
        self.curl.terminate()
        codes = self.curl.communicate()[1].split()
        self.config.unlink()
        self.lists = len(codes)
        if not codes or set(codes) != {"200"}:
            raise RuntimeError(f"lists were answered with {set(codes)}")


def measure_many_logins(server, plan, caller, found):
    """Logins on a fresh store, so that the figure is theirs alone, until `plan.logins` tokens live."""
    server.stop()
    shutil.rmtree(server.folder, ignore_errors=True)
    server.start()
    server.initialise()
    server.unseal()
    fresh = furnish(server)
    caller.role_id, caller.secret_id, caller.token = fresh.role_id, fresh.secret_id, fresh.token
    body = caller.login_body()
    run = load(server, plan, 32, "fixed", "auth/approle/login", body=body, limit=plan.logins, secs=900)
    found["logins"], found["loaded_mb"] = run["requests"], server.resident_bytes() / 1e6
    found["disk_mb"] = sum(file.stat().st_size for file in server.data.rglob("*") if file.is_file()) / 1e6
    say(f"{server.name:11} {found['logins']:,} logins whose tokens live: {found['loaded_mb']:.0f} MB resident, "
        f"{found['disk_mb']:.0f} MB on disk; idle and empty {found['idle_mb']:.0f} MB")


def measure_restart(server, caller, found):
    """kill -9, start, unseal, first read; and how long the door stayed shut."""
    server.kill()
    began = time.monotonic()
    found["health_secs"] = server.start()
    server.api.ask("PUT", "sys/unseal", {"key": server.shares[0]})
    while server.api.call("GET", "secret/data/bench/0001", token=caller.token).status != 200:
        if time.monotonic() - began > 300:
            raise RuntimeError(f"{server.name} reads nothing after kill -9:\n{server.log_tail()}")
        time.sleep(0.002)
    found["restart_secs"] = time.monotonic() - began
    found["restarted_mb"] = server.resident_bytes() / 1e6
    say(f"{server.name:11} after kill -9: health {found['health_secs']:.2f} s, first read {found['restart_secs']:.2f} s")


def raw(plan, *arguments):
    program = plan.programs / "examples" / "bare_server"
    run = ["taskset", "-c", SERVER_CORE, str(program), *arguments]
    return json.loads(subprocess.run(run, capture_output=True, text=True, check=True).stdout)


def machine(folder):
    cpu = next((l.split(":", 1)[1].strip() for l in open("/proc/cpuinfo") if l.startswith("model name")), "unknown")
    disk = subprocess.run(["stat", "-f", "-c", "%T", str(folder)], capture_output=True, text=True).stdout.strip()
    rust = subprocess.run(["rustc", "--version"], capture_output=True, text=True).stdout.strip()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    return {"cpu": cpu, "cores": os.cpu_count(), "memory_gb": round(memory), "filesystem": disk,
            "kernel": platform.release(), "rustc": rust}


def say_rate(server, label, run):
    say(
        f"{server.name:11} {label:22} {run['per_second']:>9,.0f}/s  p50 {run['p50_ms']:.2f} p99 {run['p99_ms']:.2f} ms  "
        f"cpu {run['cpu_us']:.1f} µs  generator {run['generator_cpu']:.0%}"
    )


def say(text):
    print(text, flush=True)


def main():
    words = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    words.add_argument("--only", help=f"parts, with commas: {','.join(PARTS)}")
    words.add_argument("--servers", default="bare,bao,strongroom", help="sides, with commas")
    words.add_argument("--short", action="store_true", help="see that it works; judges nothing")
    words.add_argument("--beside", metavar="PROGRAM", help="another build of strongroom: compare the CPU of a request, in pairs")
    words.add_argument("--pairs", type=int, help="rounds of --beside (9)")
    words.add_argument("--logins", type=int, help="live tokens for memory and restart (50000)")
    words.add_argument("--folder", required=True, help=argparse.SUPPRESS)
    words.add_argument("--programs", required=True, help=argparse.SUPPRESS)
    words.add_argument("--bao", required=True, help=argparse.SUPPRESS)
    options = words.parse_args()
    plan = Plan(options)
    plan.root.mkdir(parents=True, exist_ok=True)
    tls = self_signed(plan.root / "tls")
    if options.beside:
        return measure_paired(plan, options.beside, tls, KV_ANSWER_BYTES)
    figures = {"machine": machine(plan.root), "short": plan.short}
    if figures["machine"]["filesystem"] == "tmpfs":
        say("warning: var/ lies in memory (tmpfs): the figures of writes say nothing")
    say(", ".join(str(value) for value in figures["machine"].values()))
    figures["sign"] = raw(plan, "--sign", str(plan.signatures))
    figures["sync"] = raw(plan, "--sync", str(plan.syncs), "--dir", str(plan.root))
    say(f"raw Ed25519 {figures['sign']['per_second']:,}/s; raw fdatasync p50 {figures['sync']['p50_ms']} ms")
    if "strongroom" in plan.servers:
        server = Strongroom(plan.root / "strongroom", plan.programs / "strongroom", core=SERVER_CORE, environment=UNLIMITED)
        figures["strongroom"] = measure_broker(server, plan)
    if "bare" in plan.servers:
        # Right after Strongroom, so that a machine whose speed drifts does not bend their ratio.
        answer_bytes = figures.get("strongroom", {}).get("answer_bytes", KV_ANSWER_BYTES)
        figures["bare"] = measure_bare(plan, tls, answer_bytes)
    if "bao" in plan.servers:
        figures["bao"] = measure_broker(OpenBao(plan.root / "bao", plan.bao, tls, core=SERVER_CORE), plan)
    (plan.root / "figures.json").write_text(json.dumps(figures, indent=1))
    missed = write_report(figures, plan.root / "figures.md")
    print((plan.root / "figures.md").read_text())
    if missed and not plan.short:
        sys.exit(f"missed: {', '.join(missed)}")


if __name__ == "__main__":
    main()
