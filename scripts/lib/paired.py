"""Measures two builds of Strongroom beside each other; called by `scripts/bench --beside PROGRAM`.

The machine's speed drifts, so that figures of two runs say little about a difference of a tenth. Here both servers run
at once, one of them idle, and the load changes between them round by round: what drifts, drifts for both. The figure is
the median of the ratios of the pairs.
"""

import statistics

from load import load
from servers import SERVER_CORE, UNLIMITED, Bare, Strongroom
from setup import SECRETS, enable_service_tokens, furnish, value_of


class Side:
    """One build: a server on a fresh folder with the bench's secrets, and who calls it."""

    def __init__(self, label, program, folder):
        self.label = label
        self.server = Strongroom(folder, program, core=SERVER_CORE, environment=UNLIMITED)
        self.server.open()
        self.caller = furnish(self.server)
        enable_service_tokens(self.server.api)

    def run(self, part, plan, turn):
        token = self.caller.token
        if part == "read":
            return load(self.server, plan, 32, "read", "secret/data/bench", token, keys=SECRETS)
        if part == "lookup":
            return load(self.server, plan, 32, "fixed", "auth/token/lookup-self", token, method="GET")
        if part == "issue":
            return load(self.server, plan, 32, "fixed", "service_tokens/token/bench", token, {"aud": ["bench"]})
        if part == "write":
            return load(self.server, plan, 64, "write", f"secret/data/w{turn}", token, {"data": {"value": value_of()}})
        if part == "login":
            return load(self.server, plan, 32, "fixed", "auth/approle/login", body=self.caller.login_body())
        raise ValueError(part)


def measure_paired(plan, before, tls, answer_bytes):
    """Prints, for each part, the CPU time of a request with both builds and their ratio, and for reads that of the bare
    server in the same rounds."""
    sides = [Side("before", before, plan.root / "before"), Side("now", plan.programs / "strongroom", plan.root / "now")]
    bare = Bare(plan.root / "bare", plan.programs / "examples" / "bare_server", tls, answer_bytes, core=SERVER_CORE)
    bare.start()
    try:
        for part in [part for part in ("read", "lookup", "issue", "write", "login") if plan.does(part)]:
            pairs = [round_of(part, plan, turn, sides, bare) for turn in range(plan.pairs + 1)][1:]  # the first warms up
            figures = [statistics.median(column) for column in zip(*pairs)]
            ratio = statistics.median(now / before for before, now, _ in pairs)
            print(f"{part:7} before {figures[0]:.1f} µs, now {figures[1]:.1f} µs: {ratio:.3f} of before", flush=True)
            if part == "read":
                of_bare = [statistics.median(pair[side] / pair[2] for pair in pairs) for side in (0, 1)]
                print(f"{'':7} bare {figures[2]:.1f} µs: before {of_bare[0]:.2f} and now {of_bare[1]:.2f} of the bare server", flush=True)
    finally:
        bare.stop()
        for side in sides:
            side.server.stop()


def round_of(part, plan, turn, sides, bare):
    """CPU µs of a request: before, now, bare server (0 where it is not asked)."""
    found = [side.run(part, plan, turn)["cpu_us"] for side in sides]
    reads = part == "read"
    return *found, load(bare, plan, 32, "read", "secret/data/bench", keys=SECRETS)["cpu_us"] if reads else 0.0
