"""Plays the cases in cases/*.toml: lists of requests, sent as written, and what must come back.

    [[case]]           id, name, server ("shared", "sealed"), tokens = { NAME = "policy" } gives ${NAME}
    [[case.before]]    call, token (root), body, expect, holds = { pointer = value }, capture = { name = pointer }
    [[case.attack]]    call or raw (bytes as written); token, body, expect; each = { x = [..] } fills {x}, every combination;
                       but = { value = [statuses] } for combinations that hold the value; lacks = texts that the answer
                       must not hold; parallel = N with exactly = { status = times }; same = all answers are equal;
                       closes = "must" (the server ends the connection) or "may"; latin1 for raw bytes above 0x7f
    [[case.after]]     as before
A body or raw text may be { before, unit, times, after }. No answer is ever a redirect, a 500 or a 502.
"""

import collections
import concurrent.futures
import itertools
import pathlib
import re
import tomllib

from tests.abuse.wire import Reply, request
from tests.abuse.world import Wrong

FOLDER = pathlib.Path(__file__).parent / "cases"
NEVER = set(range(300, 400)) | {500, 502}
RACE_THREADS = 64
# Headers that differ from request to request, whatever is asked: the time, and the id by which the audit log knows it.
OF_THE_REQUEST = ("date", "x-request-id")


def listed():
    """Every case of every file."""
    return [case for path in sorted(FOLDER.glob("*.toml")) for case in tomllib.loads(path.read_text())["case"]]


def spelled(text, known):
    """The text, or what { before, unit, times, after } spells, with ${name} filled in."""
    if isinstance(text, dict):
        return spelled(text["before"], known) + text["unit"] * text["times"] + spelled(text["after"], known)

    def put(found):
        if found.group(1) not in known:
            raise ValueError(f"nothing is known as ${{{found.group(1)}}}")
        return known[found.group(1)]
    return re.sub(r"\$\{(\w+)\}", put, text)


def combinations(step):
    """Every filling of `each`, as (values, step)."""
    each = step.get("each", {})
    for values in itertools.product(*each.values()):
        chosen = dict(zip(each.keys(), values))

        def fill(text):
            if isinstance(text, dict):
                return {key: fill(value) for key, value in text.items()}
            if not isinstance(text, str):
                return text
            for _ in range(2):  # a value may itself hold the name of another
                for name, value in chosen.items():
                    text = text.replace("{" + name + "}", value)
            return text
        yield values, {key: fill(value) if key in ("call", "raw", "body", "token") else value for key, value in step.items()}


class Sender:
    """Sends the requests of one case from one address."""

    def __init__(self, world, known):
        self.world, self.known, self.source = world, known, world.next_source()

    def bytes_of(self, step):
        if "raw" in step:
            text = spelled(step["raw"], self.known)
            return text.encode("latin-1") if step.get("latin1") else text.encode("utf-8", "surrogateescape")
        method, target = spelled(step["call"], self.known).split(" ", 1)
        token = step.get("token", "root")
        headers = [] if token == "none" else [("X-Vault-Token", self.known[token])]
        if method == "PATCH":
            headers.append(("Content-Type", "application/merge-patch+json"))
        has_body = "body" in step and method in ("POST", "PUT", "PATCH")
        return request(method, target, headers, spelled(step["body"], self.known) if has_body else None)

    def send(self, step):
        """One request on a connection of its own; also whether the server closed it."""
        wire = self.world.wire(self.source)
        try:
            try:
                wire.send(self.bytes_of(step))
            except OSError:
                pass  # closed while we still sent: the answer may have come before
            try:
                reply = wire.read(head_only=step.get("call", "").startswith("HEAD"))
            except TimeoutError:
                return Reply(-1), False
            closes = wire.is_closed_within(3) if step.get("closes") == "must" else None
            return reply, closes
        finally:
            wire.close()


def described(step, values):
    text = step.get("name") or step.get("call") or "raw"
    return f"{text} {[value[:60] for value in values]}" if values else str(text)


def judge(step, values, reply, closes, known):
    where = described(step, values)
    expected = step.get("expect")
    for value, statuses in step.get("but", {}).items():
        if any(value == part for part in values):
            expected = statuses
    shown = f"{reply.status} {reply.body[:300]!r}"
    if reply.status == -1:
        raise Wrong(f"{where}: neither answer nor end of connection")
    if expected is not None and reply.status not in expected:
        raise Wrong(f"{where}: {shown}, expected one of {expected}")
    if reply.status in NEVER:
        raise Wrong(f"{where}: {shown}")
    if closes is False:
        raise Wrong(f"{where}: {reply.status}, but the connection stays open")
    for text in step.get("lacks", []):
        if text.encode() in reply.body:
            raise Wrong(f"{where}: the answer holds {text!r}")
    for pointer, value in step.get("holds", {}).items():
        if reply.find(pointer) != value:
            raise Wrong(f"{where}: {pointer} is {reply.find(pointer)!r}, expected {value!r}")
    for name, pointer in step.get("capture", {}).items():
        known[name] = reply.find(pointer)
        if not isinstance(known[name], str):
            raise Wrong(f"{where}: no text at {pointer}: {shown}")


def plain(reply):
    """What must be equal where all answers are: everything but the date and the request's id."""
    headers = sorted((name.lower(), value) for name, value in reply.pairs if name.lower() not in OF_THE_REQUEST)
    return reply.status, headers, re.sub(rb"[0-9a-f]{8}-[0-9a-f-]{27}", b"<id>", reply.body)


def attack(sender, step):
    """Answers how many requests were sent."""
    if "parallel" in step:
        return race(sender, step)
    sent, first, wrong = 0, None, []
    for values, filled in combinations(step):
        reply, closes = sender.send(filled)
        sent += 1
        try:
            judge(filled, values, reply, closes, sender.known)
        except Wrong as found:
            wrong.append(str(found))
        if step.get("same"):
            first = first or (plain(reply), described(filled, values))
            if plain(reply) != first[0]:
                wrong.append(f"{described(filled, values)} is answered differently from {first[1]}:\n      {plain(reply)}\n      {first[0]}")
    if wrong:
        raise Wrong("\n      ".join(wrong[:10] + [f"and {len(wrong) - 10} more"] * (len(wrong) > 10)))
    return sent


def race(sender, step):
    """All requests wait on open connections and are then sent at once."""
    payload, times = sender.bytes_of(step), step["parallel"]
    wires = [sender.world.wire(sender.world.next_source()) for _ in range(times)]
    held = [wire.send(payload[:-1]) for wire in wires if payload[-1:]]
    assert len(held) == times

    def finish(wire):
        wire.send(payload[-1:])
        return wire.read().status
    with concurrent.futures.ThreadPoolExecutor(RACE_THREADS) as pool:
        counts = collections.Counter(pool.map(finish, wires))
    for wire in wires:
        wire.close()
    expected = {int(status): count for status, count in step["exactly"].items()}
    if counts != expected:
        raise Wrong(f"{described(step, ())}: {dict(counts)}, expected {expected}")
    return times


def play(world, case):
    """Plays one case; how many requests were sent."""
    known = dict(world.known)
    for name, policy in case.get("tokens", {}).items():
        known[name], known[f"{name}_accessor"] = world.token(policy)
    sender, sent, wrong = Sender(world, known), 0, []
    for part in ("before", "attack", "after"):
        for step in case.get(part, []):
            try:
                sent += attack(sender, step)
            except Wrong as found:
                if part == "before":
                    raise
                wrong.append(str(found))
    if wrong:
        raise Wrong("\n      ".join(wrong))
    return sent
