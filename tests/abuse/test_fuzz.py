"""HTTP-12: every row with every kind of wrong value in each of its fields, then random bodies of its fields and of others."""

import collections
import json
import random

import pytest

from tests.abuse import rows
from tests.abuse.fields import Fields, fitting
from tests.abuse.wire import Reply, request
from tests.abuse.world import Wrong

ODD = [None, True, False, 0, -1, 1, 2**31, 2**63, -(2**63), 1.5, 1e308, "", " ", "x", "0", "-1", "1h", "99999999999999h", "1e9h", "\u0000", "a\nb",
       "x" * 3000, "root", "..", "a/b", "*", "+", "{{x}}", [], [None], [1, "a"], ["a"], [["a"]], {}, {"a": 1}, {"a": {"b": {"c": None}}},
       {"": ""}, "path \"a\" {", "{\"path\": 1}", "\ufffd", "\U0001f600"]
NOT_ASKED = {"sys/seal", "sys/init", "sys/unseal", "sys/step-down"}
SEED, TIMES, LONG_TIMES, CHECK_EVERY = 20261124, 2000, 10**6, 10_000


class Caller:
    """A root token that is made anew when a body revoked it, and one kept connection."""

    def __init__(self, world):
        self.world, self.wire, self.statuses = world, None, collections.Counter()
        self.renew()

    def renew(self):
        made = self.world.must("POST", "/v1/auth/token/create", self.world.root, {"policies": ["root"]}, (200,))
        self.token = made.auth["client_token"]

    def send(self, row, body, path=None):
        data = request(row.method, path or row.path, [("X-Vault-Token", self.token), *row.headers], body)
        reply = self.ask(data)
        if not reply.status:
            raise Wrong(f"{row} with {body[:300]!r}: no answer\n{self.world.server.log_tail()}")
        if reply.status >= 500:
            raise Wrong(f"{row} with {body[:300]!r}: {reply.status} {reply.body[:300]!r}")
        if reply.status == 403:
            self.renew()
        self.statuses[reply.status] += 1

    def ask(self, data):
        """On the kept connection; once more on a new one where the server ended that."""
        for _ in range(2):
            if self.wire is None:
                self.wire = self.world.wire(self.world.next_source())
            try:
                self.wire.send(data)
                reply = self.wire.read()
            except OSError:
                reply = Reply()
            if reply.status in (0, 429) or (reply.header("connection") or "").lower() == "close":
                self.hang_up()
            if reply.status:
                return reply
        return reply

    def hang_up(self):
        if self.wire:
            self.wire.close()
        self.wire = None


@pytest.fixture
def caller(fresh_world):
    caller = Caller(fresh_world)
    yield caller
    caller.hang_up()


@pytest.fixture
def fields(fresh_world):
    return Fields(fresh_world)


@pytest.fixture
def askable(fresh_world):
    """The rows that a body cannot make unusable for the rest."""
    return [row for row in rows.of(fresh_world) if row.full not in NOT_ASKED and not row.full.startswith("sys/mounts/x")]


@pytest.mark.parametrize("case", ["HTTP-12"])
def test_a_wrong_value_in_any_field_is_answered(fields, caller, askable, case):
    rng = random.Random(SEED)
    for row in askable:
        own = fields.of(row)
        for value in ODD:
            # Beside wrong values, some fields of the row that are right: it gets further than its first refusal.
            right = {name: fitting(rng, schema) for name, schema in own.items() if rng.random() < 0.3}
            wrong = rng.sample(sorted(own), min(len(own), 4)) + rng.sample(fields.names, 2)
            caller.send(row, json.dumps(right | {name: value for name in wrong}))
    was_understood(caller)


def test_the_fields_of_a_row_are_those_of_the_document(fields, askable):
    """A control: rows that take a body are matched with their schemas, so the sweeps are no sweeps over nothing."""
    by_row = {row.full: fields.of(row) for row in askable if row.verb in ("write", "login")}
    assert {"role_id", "secret_id"} == by_row["auth/approle/login"].keys()
    assert by_row["secret/data/{*path}"]["data"]["type"] == "object"
    assert sum(bool(own) for own in by_row.values()) > 20


@pytest.mark.parametrize("case", ["HTTP-12"])
def test_random_bodies_are_answered(fresh_world, fields, caller, askable, pytestconfig, case):
    rng = random.Random(SEED)
    for number in range(LONG_TIMES if pytestconfig.getoption("--long") else TIMES):
        row = rng.choice(askable)
        caller.send(row, random_body(rng, Names(fields, row)), path=row.filled(rng.choice(["x", "y", "app", "a.b", "X", "secret", "token"])))
        if number % CHECK_EVERY == CHECK_EVERY - 1:
            fresh_world.check()
    was_understood(caller)


def was_understood(caller):
    """A sweep of refusals alone would show nothing: some bodies must be taken, and more be found wrong."""
    print(dict(sorted(caller.statuses.items())))
    taken, wrong = caller.statuses[200] + caller.statuses[204], caller.statuses[400]
    assert taken > caller.statuses.total() / 20 and wrong > caller.statuses.total() / 5


class Names:
    """The names of fields for one body, and the schemas of those that the row reads."""

    def __init__(self, fields, row):
        self.own, self.all = fields.of(row), fields.names

    def choose(self, rng):
        kind = rng.random()
        if kind < 0.6 and self.own:
            return rng.choice(sorted(self.own))
        return rng.choice(self.all) if kind < 0.9 else random_text(rng)


def random_body(rng, names):
    kind = rng.random()
    text = json.dumps(random_map(rng, 0, names), ensure_ascii=rng.random() < 0.5)
    if kind < 0.7:
        return text
    if kind < 0.85:  # some bytes changed
        data = bytearray(text.encode())
        for _ in range(rng.randint(1, 4)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        return bytes(data)
    if kind < 0.95:
        return text[:rng.randrange(len(text) + 1)]
    return rng.randbytes(rng.randrange(200))


def random_map(rng, depth, names):
    chosen = [names.choose(rng) for _ in range(rng.randint(0, 6))]
    return {name: fitting(rng, names.own[name]) if name in names.own and rng.random() < 0.5 else random_value(rng, depth, names) for name in chosen}


def random_value(rng, depth, names):
    kind = rng.random()
    if kind < 0.5 or depth > 4:
        return rng.choice(ODD)
    if kind < 0.7:
        return random_text(rng)
    if kind < 0.85:
        return [random_value(rng, depth + 1, names) for _ in range(rng.randint(0, 4))]
    return random_map(rng, depth + 1, names)


def random_text(rng):
    return "".join(chr(rng.choice([rng.randrange(32, 127), rng.randrange(0, 0x300), rng.randrange(0x2000, 0x2100)])) for _ in range(rng.randint(0, 20)))
