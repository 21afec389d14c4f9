"""HTTP-12: every row with every kind of wrong value in every field that the API has, then random bodies."""

import json
import random

from tests.abuse.wire import request
from tests.abuse.world import Wrong

FIELDS = """accessor allowed_policies audience audiences bind_secret_id capabilities cas cas_required cidr_list config custom_metadata
data default_lease_ttl delete_version_after depth description display_name entity_alias explicit_max_ttl force_no_cache id increment input
jti key lease max_lease_ttl max_versions meta metadata migrate no_default_policy no_parent num_uses options path paths period pgp_keys policies
policy renewable reset role_id role_name rules secret_id secret_id_accessor secret_id_num_uses secret_id_ttl secret_shares secret_threshold
token token_bound_cidrs token_explicit_max_ttl token_max_ttl token_no_default_policy token_num_uses token_period token_policies token_ttl
token_type ttl type version versions""".split()
ODD = [None, True, False, 0, -1, 1, 2**31, 2**63, -(2**63), 1.5, 1e308, "", " ", "x", "0", "-1", "1h", "99999999999999h", "1e9h", "\u0000", "a\nb",
       "x" * 3000, "root", "..", "a/b", "*", "+", "{{x}}", [], [None], [1, "a"], ["a"], [["a"]], {}, {"a": 1}, {"a": {"b": {"c": None}}},
       {"": ""}, "path \"a\" {", "{\"path\": 1}", "\ufffd", "\U0001f600"]
NOT_ASKED = {"sys/seal", "sys/init", "sys/unseal", "sys/step-down"}
SEED = 20261124


class Caller:
    """A root token that is made anew when a body revoked it, and one kept connection."""

    def __init__(self, world):
        self.world, self.wire, self.token, self.sent, self.statuses = world, None, None, 0, {}
        self.renew()

    def renew(self):
        self.token = self.world.must("POST", "/v1/auth/token/create", self.world.root, {"policies": ["root"]}, (200,)).find("/auth/client_token")

    def send(self, row, body, path=None):
        headers = [("X-Vault-Token", self.token)]
        if row.method == "PATCH":
            headers.append(("Content-Type", "application/merge-patch+json"))
        data = request(row.method, path or row.path, headers, body)
        for fresh in (False, True):
            if self.wire is None or fresh:
                self.wire = self.world.wire(self.world.next_source())
            try:
                self.wire.send(data)
                reply = self.wire.read()
            except OSError:
                reply = None
            if reply is not None and reply.status:
                break
            self.wire.close()
        self.sent += 1
        if reply is None or not reply.status:
            raise Wrong(f"{row} with {body[:300]!r}: no answer\n{self.world.server.log_tail()}")
        if (reply.header("connection") or "").lower() == "close":
            self.wire.close()
            self.wire = None
        if reply.status >= 500:
            raise Wrong(f"{row} with {body[:300]!r}: {reply.status} {reply.body[:300]!r}")
        if reply.status == 429:
            self.wire.close()
            self.wire = None
        if reply.status == 403:
            self.renew()
        self.statuses[reply.status] = self.statuses.get(reply.status, 0) + 1


def bodies(world, rows, times):
    rows = [row for row in rows if row.full not in NOT_ASKED and not row.full.startswith("sys/mounts/x")]
    caller, rng = Caller(world), random.Random(SEED)
    for row in rows:
        for value in ODD:
            fields = rng.sample(FIELDS, 6)
            caller.send(row, json.dumps({field: value for field in fields}))
    for number in range(times):
        row = rng.choice(rows)
        caller.send(row, random_body(rng), path=row.filled(rng.choice(["x", "y", "app", "a.b", "X", "secret", "token"])))
        if number % 10_000 == 9_999:
            world.check()
    print(f"    answers: {dict(sorted(caller.statuses.items()))}")
    return caller.sent


def random_body(rng):
    kind = rng.random()
    text = json.dumps(random_map(rng, 0), ensure_ascii=rng.random() < 0.5)
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


def random_map(rng, depth):
    return {rng.choice(FIELDS) if rng.random() < 0.9 else random_text(rng): random_value(rng, depth) for _ in range(rng.randint(0, 6))}


def random_value(rng, depth):
    kind = rng.random()
    if kind < 0.5 or depth > 4:
        return rng.choice(ODD)
    if kind < 0.7:
        return random_text(rng)
    if kind < 0.85:
        return [random_value(rng, depth + 1) for _ in range(rng.randint(0, 4))]
    return random_map(rng, depth + 1)


def random_text(rng):
    return "".join(chr(rng.choice([rng.randrange(32, 127), rng.randrange(0, 0x300), rng.randrange(0x2000, 0x2100)])) for _ in range(rng.randint(0, 20)))
