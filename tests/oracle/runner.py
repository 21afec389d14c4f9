#!/usr/bin/env python3
"""The oracle: asks a real OpenBao and Strongroom the same things in one go and compares the answers.

    runner.py [AREA…]            run these areas (all where none is named)
    runner.py --spoil N          change the N-th answer of Strongroom on purpose; the run must then fail
    runner.py --prove            afterwards spoil every recorded answer in every way and demand that each is noticed
    runner.py --coverage FILE    count from the rows in FILE (`-`: ask our server) what the calls cover
    runner.py --itself           OpenBao against OpenBao: shows that shapes hold; no differences file is used
    runner.py --show             print each answer of OpenBao, to write scenarios by
"""

import argparse
import json
import sys
import time

sys.path.insert(0, __file__.rsplit("/tests/", 1)[0])

from tests.oracle import coverage, known, servers, spoil  # noqa: E402
from tests.oracle.compare import compare, parsed  # noqa: E402
from tests.oracle.scenario import Scenario, areas  # noqa: E402

UNTIL_SECS_MAX = 10


class Side:
    """One server within one scenario, and what was captured from it."""

    def __init__(self, server):
        self.server, self.known = server, {"root": server.root_token}

    def captured(self):
        return sorted(((name, text) for name, text in self.known.items() if len(text) >= 8), key=lambda item: -len(item[1]))

    def ask(self, step):
        headers = {name: step.filled(value, self.known) for name, value in step.headers.items()}
        if step.token != "none":
            headers["X-Vault-Token"] = step.filled("${" + step.token + "}", self.known)
        body = step.filled(step.body, self.known) if step.body is not None else None
        target = step.filled(step.target, self.known)
        deadline = time.monotonic() + UNTIL_SECS_MAX
        while True:
            answer = self.server.call(step.method, target, headers, body)
            if step.until in (None, answer.status) or time.monotonic() > deadline:
                break
            time.sleep(0.1)
        document = parsed(answer)
        for name, pointer in step.capture.items():
            self.known[name] = find(document, pointer)
        return answer, target, len(body or "") > 0


def find(document, pointer):
    """The value under a JSON pointer as text; a captured value that is not there compares as its absence."""
    for part in pointer.split("/")[1:]:
        if isinstance(document, list) and part.isdigit() and int(part) < len(document):
            document = document[int(part)]
        elif isinstance(document, dict):
            document = document.get(part.replace("~1", "/").replace("~0", "~"))
        else:
            return "absent"
    return document if isinstance(document, str) else json.dumps(document)


class Run:
    def __init__(self, options):
        self.options, self.passed, self.failures = options, 0, []
        self.differences = known.Differences(None if options.itself or options.show else options.areas)
        self.recorded, self.number = [], 0
        self.coverage = coverage.Coverage()

    def pair(self, kind):
        reference = servers.openbao_dev if kind == "dev" else servers.openbao_sealed
        ours = servers.strongroom_plain if kind == "dev" else servers.strongroom_sealed
        return Side(reference()), Side(reference() if self.options.itself or self.options.show else ours())

    def scenario(self, area):
        scenario = Scenario(area)
        if self.options.spoil and not self.number < self.options.spoil <= self.number + len(scenario.steps):
            self.number += len(scenario.steps)
            return
        theirs, ours = self.pair(scenario.server)
        try:
            for step in scenario.steps:
                self.step(scenario.area, step, theirs, ours)
        finally:
            theirs.server.kill()
            ours.server.kill()

    def step(self, area, step, theirs, ours):
        self.number += 1
        left, target, _ = theirs.ask(step)
        if self.options.show:
            print(f"[{area}] {step.name}\n    → {left.status} {left.body.decode('utf-8', 'replace').strip()[:700]}")
        try:
            right, our_target, _ = ours.ask(step)
        except OSError as failure:
            self.failures.append(f"[{area}] {step.name}\n    strongroom gave no answer: {failure!r}")
            return
        self.coverage.count(step, our_target, right.status)
        sides = (left, right, step.vary, theirs.captured(), ours.captured())
        found = compare(*sides)
        if self.number == self.options.spoil:
            right = spoil.spoiled(right, self.options.spoil, {difference.what for difference in found})
            found = compare(left, right, *sides[2:])
        self.recorded.append((area, step, sides, {difference.what for difference in found}))
        unknown = [difference for difference in found if not self.differences.allow(area, step.name, difference)]
        if unknown:
            self.failures.append(f"[{area}] {step.name}\n" + "\n".join(f"    {difference}" for difference in unknown))
        else:
            self.passed += 1

    def prove(self):
        """Each recorded answer, spoiled in each way that applies to it, must differ where it did not differ before."""
        noticed = 0
        for area, step, (left, right, *rest), before in self.recorded:
            for way, place, worse in spoil.every_way(right):
                if {difference.what for difference in compare(left, worse, *rest)} - before:
                    noticed += 1
                elif not spoil.is_near(place, before):
                    self.failures.append(f"[{area}] {step.name}: an answer spoiled by {way} was not noticed")
        print(f"{noticed} spoiled answers noticed")


def options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("areas", nargs="*", metavar="AREA")
    parser.add_argument("--spoil", type=int, metavar="N")
    parser.add_argument("--prove", action="store_true")
    parser.add_argument("--coverage", metavar="FILE")
    parser.add_argument("--itself", action="store_true")
    parser.add_argument("--show", action="store_true")
    return parser.parse_args()


def main():
    chosen = options()
    run = Run(chosen)
    for area in chosen.areas or areas():
        before, started = len(run.failures), time.monotonic()
        run.scenario(area)
        if not chosen.spoil or len(run.failures) > before:
            print(f"{area}: {time.monotonic() - started:.1f} s, {len(run.failures) - before} failed", flush=True)
    if chosen.prove:
        run.prove()
    if not chosen.spoil:
        run.failures += run.differences.unused()
    if chosen.coverage:
        if chosen.coverage == "-":
            server = servers.strongroom_plain("strongroom-rows")
            run.coverage.ask(server)
            server.kill()
        else:
            run.coverage.read(chosen.coverage)
        run.failures += run.coverage.missing()
    for failure in run.failures:
        print(f"FAILED {failure}")
    print(f"{run.passed} passed, {len(run.failures)} failed")
    sys.exit(1 if run.failures or not run.passed else 0)


if __name__ == "__main__":
    main()
