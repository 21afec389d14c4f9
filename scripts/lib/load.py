"""One run of the load generator against a server, and what it cost both."""

import json
import os
import resource
import signal
import subprocess
from pathlib import Path

from servers import LOAD_CORE

LIB = Path(__file__).parent


def load(server, plan, connections, mode, path, token=None, body=None, limit=0, secs=None, **more):
    """One run of wrk against `server`. Returns rate, latencies and CPU of both sides."""
    environment = dict(os.environ) | {"LOAD_MODE": mode, "LOAD_PATH": f"/v1/{path}", "LOAD_LIMIT": str(limit)}
    environment |= {"LOAD_TOKEN": token or "none", "LOAD_BODY": json.dumps(body) if body else ""}
    environment |= {f"LOAD_{name.upper()}": str(value) for name, value in more.items()}
    before, children = server.cpu_secs(), resource.getrusage(resource.RUSAGE_CHILDREN)
    wrk = subprocess.Popen(
        ["taskset", "-c", LOAD_CORE, "wrk", "-t1", f"-c{connections}", f"-d{secs or plan.secs}s", "--timeout", "30s"]
        + ["-s", str(LIB / "load.lua"), server.api.address],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    if limit and wrk.stderr.readline() == "ENOUGH\n":
        wrk.send_signal(signal.SIGINT)
    told, complaint = wrk.communicate()
    after, spent = server.cpu_secs(), resource.getrusage(resource.RUSAGE_CHILDREN)
    figures = [line.removeprefix("FIGURES ") for line in told.splitlines() if line.startswith("FIGURES ")]
    if not figures:
        raise RuntimeError(f"wrk said no figures: {told} {complaint}")
    figures = json.loads(figures[0])
    if figures["bad_status"] or (figures["broken"] and not limit):
        raise RuntimeError(f"{server.name} refused {figures['bad_status']} and broke {figures['broken']} of {path}")
    generator = spent.ru_utime + spent.ru_stime - children.ru_utime - children.ru_stime
    figures["per_second"] = figures["requests"] / figures["secs"]
    figures["cpu_us"] = (after - before) * 1e6 / figures["requests"]
    figures["generator_cpu"] = generator / figures["secs"]
    return figures
