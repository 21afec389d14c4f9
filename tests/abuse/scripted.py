"""Cases that are no list of requests: sweeps over all rows, kills, slow connections, random bodies, planted values.

Each takes the world and whether it is the long form, raises `Wrong`, and answers how many requests it sent.
"""

import re
import time

from tests.abuse import canary, fuzz, memory, slow
from tests.abuse.world import Wrong
from tests.oracle.servers import ROOT

VERBS = {"read": "GET", "write": "POST", "create": "POST", "update": "POST", "login": "POST", "delete": "DELETE", "list": "LIST",
         "patch": "PATCH", "scan": "SCAN", "get": "GET", "put": "PUT", "post": "POST", "help": None}
SAMPLES = {"version": "1"}
PUBLIC_FILE = ROOT / "data" / "public_routes.txt"


class Row:
    """One row of the API, with a path that can be asked."""

    def __init__(self, row):
        self.verb, self.public, self.sudo = row["verb"].lower(), row.get("public", False), row.get("sudo", False)
        self.mount, self.template = row.get("mount") or "", row["path"]
        self.method = VERBS.get(self.verb, self.verb.upper())
        full = f"{self.mount}{'/' if self.mount and not self.mount.endswith('/') else ''}{self.template}".strip("/")
        self.path = "/v1/" + re.sub(r"\{\*?(\w+)[^}]*\}", lambda found: SAMPLES.get(found.group(1), "x"), full)
        self.parameters = re.findall(r"\{\*?(\w+)[^}]*\}", full)
        self.full = full

    def filled(self, value):
        return "/v1/" + re.sub(r"\{[^}]*\}", value, self.full)

    def __str__(self):
        return f"{self.verb} {self.full}"


def rows_of(world):
    reply = world.must("GET", "/v1/sys/internal/specs/rows", world.root, None, (200,))
    rows = [Row(row) for row in reply.document()["data"]["rows"]]
    rows = [row for row in rows if row.method]
    if len(rows) < 40:
        raise Wrong(f"only {len(rows)} rows are named")
    return rows


def surface(world, _long):
    """ACL-15: every row without a token, with a token of no policy, and with one that may all but sudo."""
    rows, sent = rows_of(world), 0
    idle, _ = world.token('path "none" { capabilities = ["read"] }')
    for row in rows:
        if row.full in ("sys/seal", "sys/init", "sys/unseal"):
            continue  # asked below: they change the server
        for token, whose in ((None, "without a token"), ("srs.nosuchtoken", "with a token that is none"), (idle, "with a token of no policy")):
            reply = world.call(row.method, row.path, token, None if row.method in ("GET", "LIST", "DELETE") else {},
                               [("Content-Type", "application/merge-patch+json")] if row.method == "PATCH" else (), world.next_source())
            sent += 1
            if row.public and reply.status == 403 and token is None and "mounts" not in row.full:
                raise Wrong(f"{row} is public and refuses {whose}: {reply.body!r}")
            if not row.public and reply.status not in (401, 403):
                raise Wrong(f"{row} {whose}: {reply.status} {reply.body[:200]!r}")
    sent += all_but_sudo(world, [row for row in rows if row.sudo])
    public = sorted(str(row) for row in rows if row.public)
    if PUBLIC_FILE.exists():
        golden = PUBLIC_FILE.read_text()
        for row in (row for row in rows if row.public):
            if row.template.strip("/") not in golden:
                raise Wrong(f"{row} is public and not in {PUBLIC_FILE.name}")
    if world.call("PUT", "/v1/sys/seal", None, {}).status != 403 or world.call("PUT", "/v1/sys/seal", idle, {}).status != 403:
        raise Wrong("seal is not refused")
    for raw in ("/v1/sys/raw/x", "/v1/sys/pprof", "/metrics", "/debug", "/debug/pprof", "/v1/sys/metrics", "/v1/sys/in-flight-req", "/v1/", "/v1"):
        reply = world.call("GET", raw)
        sent += 1
        if reply.status not in (401, 403, 404, 400):
            raise Wrong(f"GET {raw} without a token: {reply.status}")
    print(f"    {len(rows)} rows, {len(public)} public")
    return sent


def all_but_sudo(world, rows):
    """Rows that ask for sudo, with a token that may everything else."""
    if len(rows) < 5:
        raise Wrong(f"only {len(rows)} rows ask for sudo")
    wide, _ = world.token('path "*" { capabilities = ["create", "read", "update", "patch", "delete", "list"] }')
    for row in rows:
        reply = world.call(row.method, row.path, wide, None if row.method in ("GET", "LIST", "DELETE") else {}, (), world.next_source())
        if reply.status != 403:
            raise Wrong(f"{row} without sudo: {reply.status} {reply.body[:200]!r}")
    if (reply := world.call("GET", "/v1/sys/mounts", wide)).status != 200:
        raise Wrong(f"the token that may all but sudo may not even list mounts: {reply.status}")
    return len(rows)


def is_dead(world, token):
    return world.call("GET", "/v1/auth/token/lookup-self", token).status == 403


def revoked(world, _long):
    """TOK-01: a token revoked in any way is dead at once, and still after kill -9 right behind the 2xx."""
    def child(parent=None, **more):
        body = {name: value for name, value in ({"policies": ["default"], "ttl": "1h"} | more).items() if value is not None}
        return world.must("POST", "/v1/auth/token/create", parent or world.root, body, (200,)).document()["auth"]

    def login():
        world.must("POST", "/v1/auth/approle/role/tok", world.root, {"token_policies": "default"}, (204,))
        role = world.must("GET", "/v1/auth/approle/role/tok/role-id", world.root, None, (200,)).find("/data/role_id")
        secret = world.must("POST", "/v1/auth/approle/role/tok/secret-id", world.root, {}, (200,)).find("/data/secret_id")
        return world.must("POST", "/v1/auth/approle/login", None, {"role_id": role, "secret_id": secret}, (200,)).document()["auth"]

    root_policy = 'path "*" { capabilities = ["create", "read", "update", "delete", "list", "sudo"] }'
    ways = []
    token = child()
    ways.append(("revoke-self", "/v1/auth/token/revoke-self", token["client_token"], {}, [token]))
    token = child()
    ways.append(("revoke", "/v1/auth/token/revoke", None, {"token": token["client_token"]}, [token]))
    token = child()
    ways.append(("revoke-accessor", "/v1/auth/token/revoke-accessor", None, {"accessor": token["accessor"]}, [token]))
    parent, parent_accessor = world.token(root_policy)
    family = [child(parent, policies=None) for _ in range(3)] + [{"client_token": parent}]
    family.append(child(family[0]["client_token"], policies=None))
    ways.append(("revoke a parent", "/v1/auth/token/revoke-accessor", None, {"accessor": parent_accessor}, family))
    token = child()
    ways.append(("revoke-orphan", "/v1/auth/token/revoke-orphan", None, {"token": token["client_token"]}, [token]))
    ways.append(("disable the method", ("DELETE", "/v1/sys/auth/approle"), None, None, [login(), login()]))
    sent = 0
    for name, target, by, body, dying in ways:
        for token in dying:
            if is_dead(world, token["client_token"]):
                raise Wrong(f"{name}: dead before it")
        method, path = target if isinstance(target, tuple) else ("POST", target)
        world.must(method, path, by or world.root, body, (200, 204))
        world.server.kill()
        world.launch()
        world.unseal()
        for token in dying:
            sent += 1
            if not is_dead(world, token["client_token"]):
                raise Wrong(f"{name}: alive after kill -9 and restart")
    world.must("POST", "/v1/sys/auth/approle", world.root, {"type": "approle"}, (204,))
    token = login()
    world.must("POST", "/v1/auth/token/revoke-accessor", world.root, {"accessor": token["accessor"]}, (204, 200))
    if not is_dead(world, token["client_token"]):
        raise Wrong("revoked by accessor: alive")
    return sent + service_token_revoked(world)


def service_token_revoked(world):
    world.must("POST", "/v1/service_tokens/roles/tok", world.root, {"audiences": ["a"], "ttl": "5m"}, (200, 204))
    issued = world.must("POST", "/v1/service_tokens/token/tok", world.root, {"audience": "a"}, (200, 400))
    if issued.status == 400:  # root has no entity to speak for: ask as a service
        auth = as_service(world, 'path "service_tokens/*" { capabilities = ["create", "update", "read"] }')
        issued = world.must("POST", "/v1/service_tokens/token/tok", auth, {"audience": "a"}, (200,))
    token = issued.find("/data/token")
    verify = lambda: world.must("POST", "/v1/service_tokens/verify", world.root, {"token": token}, (200,)).find("/data/active")  # noqa: E731
    if verify() is not True:
        raise Wrong("a fresh service token is not active")
    world.must("POST", "/v1/service_tokens/revoke", world.root, {"jti": issued.find("/data/jti")}, (200, 204))
    if verify() is not False:
        raise Wrong("a revoked service token is active")
    world.crash_and_restart()
    if verify() is not False:
        raise Wrong("a revoked service token is active after kill -9")
    return 3


def as_service(world, policy):
    world.must("PUT", "/v1/sys/policies/acl/service", world.root, {"policy": policy}, (204,))
    world.must("POST", "/v1/auth/approle/role/service", world.root, {"token_policies": "service"}, (204,))
    role = world.must("GET", "/v1/auth/approle/role/service/role-id", world.root, None, (200,)).find("/data/role_id")
    secret = world.must("POST", "/v1/auth/approle/role/service/secret-id", world.root, {}, (200,)).find("/data/secret_id")
    return world.must("POST", "/v1/auth/approle/login", None, {"role_id": role, "secret_id": secret}, (200,)).find("/auth/client_token")


CASES = [
    ("ACL-15", "every row without a token", "shared", surface),
    ("TOK-01", "what was revoked stays dead", "fresh", revoked),
    ("HTTP-01", "2,000 slow connections", "fresh", slow.connections),
    ("HTTP-12", "random bodies at every row", "fresh", lambda world, long: fuzz.bodies(world, rows_of(world), 10**6 if long else 2000)),
    ("MEM-04", "no planted value stays in memory", "fresh", memory.image),
    ("AUD-01", "planted values are found nowhere", "fresh", lambda world, long: canary.sweep(world, rows_of(world))),
]
