"""Plants a value in every field, header, query and path of every row, right and wrong in type, whole and cut; and looks at
each refusal: it may name the field, never the value.
"""

import collections
import json
import re
import secrets

from tests.abuse.fields import Fields
from tests.abuse.wire import Reply, request
from tests.abuse.world import Wrong

HEADERS = ("X-Vault-Token", "Authorization", "User-Agent", "X-Forwarded-For", "X-Vault-Namespace", "X-Vault-Wrap-TTL", "X-Vault-MFA", "Cookie",
           "Referer", "X-Vault-Index", "X-Custom", "Content-Type", "Accept", "X-Vault-AWS-IAM-Server-ID")
BEGINNING = "cnrycanaryvalue"
TRIES = 3


class Planter:
    """Sends planted values, on one kept connection, with a root token that is made anew when a request revoked it."""

    def __init__(self, world):
        self.world, self.planted, self.leaks, self.statuses = world, {}, set(), collections.Counter()
        self.token, self.wire, self.fields = None, None, Fields(world)

    def value(self, where):
        text = BEGINNING + secrets.token_hex(8)
        self.planted[text] = where
        return text

    def send(self, row, body=None, headers=(), target=None, echoes=()):
        """Sends, and looks at a refusal at once. `echoes` are names, which it may repeat."""
        pairs = list(headers)
        if not any(name == "X-Vault-Token" for name, _ in pairs):
            pairs.append(("X-Vault-Token", self.root_token()))
        if not any(name == "Content-Type" for name, _ in pairs):
            pairs += row.headers
        reply = self.ask(request(row.method, target or row.path, pairs, body), row)
        self.statuses[reply.status] += 1
        if reply.status >= 500:
            raise Wrong(f"{row} with {(body or '')[:200]!r}: {reply.status} {reply.body[:200]!r}")
        if reply.status >= 400:
            for value in set(re.findall(BEGINNING + "[0-9a-f]{16}", reply.body.decode("latin-1").lower())) - set(echoes):
                self.leaks.add(f"{row}: the answer holds the value of {self.planted.get(value, value)}: {reply.body[:200]!r}")
        if reply.status == 403 and not headers:
            self.token = None  # it revoked itself, say
        return reply

    def root_token(self):
        if self.token is None:
            made = self.world.must("POST", "/v1/auth/token/create", self.world.root, {"policies": ["root"]}, (200,))
            self.token = made.auth["client_token"]
        return self.token

    def named(self, context):
        """Which planted value stands in these bytes, if they are plain."""
        text = context.decode("latin-1")
        for value, where in self.planted.items():
            if text.startswith(value.lower()) or text.startswith(value):
                return f"the value of {where}"
        return repr(context)

    def ask(self, data, row):
        """On the kept connection; on a new one, from another address, where the server ended that or limited it."""
        for _ in range(TRIES):
            if self.wire is None:
                self.wire = self.world.wire(self.world.next_source())
            try:
                self.wire.send(data)
                reply = self.wire.read()
            except OSError:
                reply = Reply()
            if reply.status in (0, 429) or (reply.header("connection") or "").lower() == "close":
                self.hang_up()
            if reply.status not in (0, 429):
                return reply
        raise Wrong(f"{row}: no answer\n{self.world.server.log_tail()}")

    def hang_up(self):
        if self.wire:
            self.wire.close()
        self.wire = None


def plant_fields(planter, row):
    if not row.takes_body:
        fields = {field: planter.value(f"query {field} of {row}") for field in ("token", "version", "password", "q", "secret_id", "help")}
        query = "&".join(f"{name}={value}" for name, value in fields.items() if name != "help")
        planter.send(row, target=f"{row.path}{'&' if '?' in row.path else '?'}{query}")
        return
    names = planter.fields.names
    planter.send(row, json.dumps({field: planter.value(f"field {field} of {row}") for field in names}))
    planter.send(row, json.dumps({field: [planter.value(f"list {field} of {row}")] for field in names}))
    planter.send(row, json.dumps({field: {planter.value(f"key in {field} of {row}"): planter.value(f"map {field} of {row}")} for field in names}))
    for field in planter.fields.of(row):  # alone, so that each is the field that is found wrong
        planter.send(row, json.dumps({field: planter.value(f"lone field {field} of {row}")}))
        planter.send(row, json.dumps({field: {"a": [planter.value(f"nested field {field} of {row}")]}}))


def plant_elsewhere(planter, row):
    text = planter.value(f"cut body of {row}")
    if row.takes_body:
        planter.send(row, f'{{"token": "{text}", "secret_id": "{text}')
        planter.send(row, f'{text}')
        planter.send(row, f'["{text}"]')
        planter.send(row, json.dumps({text: text}))
        planter.send(row, f"token={text}&secret_id={text}", headers=[("Content-Type", "application/x-www-form-urlencoded")])
    for header in HEADERS:
        value = planter.value(f"header {header} of {row}")
        body = "{}" if row.takes_body else None
        echoes = [value] if header in ("X-Vault-Namespace", "Content-Type") else []
        planter.send(row, body, headers=[(header, f"Bearer {value}" if header == "Authorization" else value)], echoes=echoes)
    if row.parameters:
        name = planter.value(f"name in the path of {row}")
        body = "{}" if row.takes_body else None
        planter.send(row, body, target=row.filled(name), echoes=[name])


def plant_for_real(planter, world):
    """What a service keeps and shows: stored, read, logged in with."""
    secret, name, key = planter.value("a stored secret"), planter.value("a secret's name"), planter.value("a key within a secret")
    world.must("POST", f"/v1/secret/data/app/{name}", world.root, {"data": {key: secret, "n": {"deep": [secret]}}}, (200,))
    if world.must("GET", f"/v1/secret/data/app/{name}", world.root, None, (200,)).find(f"/data/data/{key}") != secret:
        raise Wrong("a planted secret does not read back")
    world.must("POST", f"/v1/secret/metadata/app/{name}", world.root, {"custom_metadata": {planter.value("a metadata key"): planter.value("metadata")}}, (204,))
    mount, role = planter.value("a mount's name"), planter.value("a role's name")
    world.must("POST", f"/v1/sys/mounts/{mount}", world.root, {"type": "kv", "options": {"version": "2"}, "description": planter.value("a description")}, (204,))
    world.must("POST", f"/v1/auth/approle/role/{role}", world.root, {"token_policies": "default"}, (204,))
    role_id = world.must("GET", f"/v1/auth/approle/role/{role}/role-id", world.root, None, (200,)).find("/data/role_id")
    secret_id = world.must("POST", f"/v1/auth/approle/role/{role}/secret-id", world.root,
                           {"metadata": json.dumps({"m": planter.value("SecretID metadata")})}, (200,)).data
    auth = world.must("POST", "/v1/auth/approle/login", None, {"role_id": role_id, "secret_id": secret_id["secret_id"]}, (200,)).auth
    for what, value in {"a token": auth["client_token"], "an accessor": auth["accessor"], "a SecretID": secret_id["secret_id"],
                        "the root token": world.root, "a share": world.shares[0]}.items():
        planter.planted[value] = what
    world.must("GET", "/v1/auth/token/lookup-self", auth["client_token"], None, (200,))
