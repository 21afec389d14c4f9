"""Kills a server under mixed writes again and again and looks for what it lost; called by scripts/crash."""

import argparse
import json
import random
import shutil
import sys
import time
from collections import Counter
from pathlib import Path

from crash_load import Writer
from http_api import Api, Refused
from servers import SERVER_CORE, UNLIMITED, OpenBao, Strongroom, Trouble, self_signed
from setup import furnish

CHANGES = {"create", "update", "patch", "delete"}


class AuditFile:
    """Reads the audit file as it grows and remembers which requests have both their lines."""

    def __init__(self, path):
        self.path, self.offset = path, 0
        self.seen, self.pairs, self.paths = {}, set(), Counter()

    def read_on(self):
        with open(self.path, "rb") as file:
            file.seek(self.offset)
            whole = file.read()
        whole = whole[: whole.rfind(b"\n") + 1]
        self.offset += len(whole)
        for line in whole.splitlines():
            try:
                entry = json.loads(line)
                if "closed" not in entry:  # an outcome that was added at unseal is not one that was answered
                    self._take(entry["type"], entry["request"])
            except (ValueError, KeyError, TypeError):
                continue  # a checkpoint, or a torn line: `audit verify` judges those

    def _take(self, kind, request):
        kinds = self.seen.setdefault(request["id"], set())
        kinds.add(kind)
        if {"request", "response"} <= kinds and request["id"] not in self.pairs:
            self.pairs.add(request["id"])
            if request.get("operation") in CHANGES:
                self.paths[request["path"]] += 1


class Run:
    def __init__(self, server, options):
        self.server, self.options = server, options
        self.random = random.Random(options.seed)
        self.losses, self.acked, self.acked_paths, self.silent = [], 0, Counter(), Counter()

    def prepare(self):
        shutil.rmtree(self.server.folder, ignore_errors=True)
        self.server.start()
        self.server.initialise()
        self.server.unseal()
        self.caller = furnish(self.server, secrets_count=10)
        self.audit = AuditFile(self.server.audit_file())
        self.writers = [
            Writer(number, self.server.api, self.caller, self.random.random()) for number in range(self.options.writers)
        ]

    def cycle(self, number):
        for writer in self.writers:
            writer.start()
        time.sleep(self.random.uniform(0.2, self.options.load_secs))
        self.server.kill()
        for writer in self.writers:
            writer.join(60)
            if writer.failure:
                self.lose(f"the server refused a change: {writer.failure}")
        self.walk()
        try:
            self.server.start()
            self.server.unseal()
        except (Trouble, Refused) as cause:
            self.lose(f"the store does not open again: {cause}")
            return False
        self.check(everything=number == self.options.cycles)
        api = fresh_api(self.server)
        self.writers = [writer.again(api) for writer in self.writers]
        return True

    def check(self, everything):
        acked = 0
        for writer in self.writers:
            for loss in writer.check(self.server.api, everything):
                self.lose(loss)
            acked += len(writer.acknowledged)
        self.acked += acked
        self.check_lines()
        self.verify()

    def check_lines(self):
        """Every acknowledged change has its two lines: by request id, or counted by path where an answer has none."""
        self.audit.read_on()
        for writer in self.writers:
            for request_id, path in writer.acknowledged:
                if request_id is None:
                    self.silent[path] += 1
                elif request_id not in self.audit.pairs:
                    self.lose(f"request {request_id} ({path}) has not both its audit lines")
        for path, count in self.silent.items():
            if self.audit.paths[path] < count:
                self.lose(f"{count} changes of {path} acknowledged, {self.audit.paths[path]} in the audit file")
                self.silent[path] = self.audit.paths[path]

    def walk(self):
        """The offline walk: each token record has its accessor, expiry and login entries, none stands alone."""
        if isinstance(self.server, Strongroom):
            done = self.server.client("operator", "walk", "--data", self.server.data, stdin=self.server.shares[0])
            if done.returncode != 0:
                self.lose(f"the walk ended with {done.returncode}: {done.stdout.strip()} {done.stderr.strip()}")

    def verify(self):
        if isinstance(self.server, Strongroom):
            key = ["--public-key", self.server.audit_key] if self.server.audit_key else []
            done = self.server.client("audit", "verify", "--data", self.server.data, *key)
            if done.returncode != 0:
                self.lose(f"audit verify ended with {done.returncode}: {done.stdout.strip()} {done.stderr.strip()}")

    def lose(self, what):
        self.losses.append(what)
        if len(self.losses) <= 20:
            print(f"LOST  {what}", flush=True)


def fresh_api(server):
    return Api(server.address, server.api.ca, server.root_token)


def server_of(options):
    folder = Path(options.folder).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    if options.openbao:
        return OpenBao(folder / "bao", options.openbao, self_signed(folder / "tls"), core=SERVER_CORE)
    return Strongroom(folder / "strongroom", options.program, core=SERVER_CORE, environment=UNLIMITED)


def main():
    words = argparse.ArgumentParser(prog="scripts/crash", description=__doc__)
    words.add_argument("--cycles", type=int, default=50)
    words.add_argument("--writers", type=int, default=8)
    words.add_argument("--load-secs", type=float, default=1.2, help="the longest load before a kill")
    words.add_argument("--seed", type=int, default=int(time.time()), help="printed; repeats the order of the load")
    words.add_argument("--expect-loss", action="store_true", help="end with 0 only if something was lost")
    words.add_argument("--openbao", help=argparse.SUPPRESS)
    words.add_argument("--program", help=argparse.SUPPRESS)
    words.add_argument("--folder", required=True, help=argparse.SUPPRESS)
    options = words.parse_args()
    run, began, done = Run(server_of(options), options), time.monotonic(), 0
    print(f"seed {options.seed}", flush=True)
    try:
        run.prepare()
        for number in range(1, options.cycles + 1):
            going_on = run.cycle(number)
            done = number
            if number % 10 == 0 or number == options.cycles:
                print(f"{number} cycles, {run.acked:,} changes acknowledged, {len(run.losses)} losses", flush=True)
            if not going_on or (run.losses and options.expect_loss):
                break
    finally:
        run.server.stop()
    print(f"{done} kills in {time.monotonic() - began:.0f} s: {run.acked:,} acknowledged changes, {len(run.losses)} losses")
    if run.acked == 0:
        sys.exit("error: nothing was acknowledged, so nothing was tested")
    is_as_expected = bool(run.losses) == options.expect_loss
    print(f"{done if is_as_expected else 0} passed, {0 if is_as_expected else max(1, len(run.losses))} failed")
    sys.exit(0 if is_as_expected else 1)


if __name__ == "__main__":
    main()
