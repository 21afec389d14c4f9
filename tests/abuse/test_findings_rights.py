"""Findings S1, S10 and S23: who may do what, under which name, and who learns what there is."""

import json
import re
import secrets
import threading

import pytest

from tests.abuse.wire import request

ALL = ["create", "read", "update", "patch", "delete", "list", "sudo"]


def rule(path, *capabilities):
    return f'path "{path}" {{ capabilities = {json.dumps(list(capabilities))} }}\n'


# S1. A name was lower-cased after policies and audit had seen it as it was written: `Admin` passed as another role.


IDENT_ROWS = [  # the row's path with {} for the name
    ("auth/approle/role/{}", "POST"), ("auth/approle/role/{}", "DELETE"), ("auth/approle/role/{}", "GET"),
    ("auth/approle/role/{}/role-id", "GET"), ("auth/approle/role/{}/role-id", "POST"),
    ("auth/approle/role/{}/secret-id", "POST"), ("auth/approle/role/{}/secret-id", "LIST"),
    ("auth/approle/role/{}/custom-secret-id", "POST"),
    ("auth/approle/role/{}/secret-id/lookup", "POST"), ("auth/approle/role/{}/secret-id/destroy", "POST"),
    ("auth/approle/role/{}/secret-id-accessor/lookup", "POST"), ("auth/approle/role/{}/secret-id-accessor/destroy", "POST"),
    ("sys/policies/acl/{}", "POST"), ("sys/policies/acl/{}", "GET"), ("sys/policies/acl/{}", "DELETE"),
    ("sys/policy/{}", "POST"), ("sys/policy/{}", "GET"), ("sys/policy/{}", "DELETE"),
    ("sys/mounts/{}", "POST"), ("sys/mounts/{}", "DELETE"), ("sys/mounts/{}", "GET"), ("sys/mounts/{}/tune", "GET"), ("sys/mounts/{}/tune", "POST"),
    ("sys/auth/{}", "POST"), ("sys/auth/{}", "DELETE"), ("sys/auth/{}", "GET"), ("sys/auth/{}/tune", "GET"), ("sys/auth/{}/tune", "POST"),
]
IDENT_IDS = [f"{method} {path}" for path, method in IDENT_ROWS]


def upper(name):
    return name[0].upper() + name[1:]


@pytest.fixture
def narrow(world):
    """A maker of tokens that may do everything at any name but one, where they may only patch."""
    def make(path):
        name = f"s{secrets.token_hex(3)}"
        token, _ = world.token(rule(path.format("*") if path.endswith("{}") else path.format("+"), *ALL)
                               + rule(path.format(name), "patch") + rule("sys/capabilities-self", "update"))
        return name, token
    return make


def ask(world, method, path, token):
    return world.call(method, f"/v1/{path}", token, {} if method == "POST" else None, source=world.next_source())


@pytest.mark.parametrize(("path", "method"), IDENT_ROWS, ids=IDENT_IDS)
def test_s1_a_name_in_capitals_is_judged_as_the_name(world, narrow, path, method):
    name, token = narrow(path)
    assert ask(world, method, path.format(name), token).status == 403
    assert ask(world, method, path.format("other"), token).status != 403, "the token may nothing at all"
    assert [ask(world, method, path.format(form), token).status for form in (upper(name), name.upper())] == [403, 403]


@pytest.mark.parametrize(("path", "method"), IDENT_ROWS, ids=IDENT_IDS)
def test_s1_a_name_in_capitals_has_the_names_capabilities(world, narrow, path, method):
    name, token = narrow(path)
    paths = [path.format(name), path.format(upper(name))]
    told = world.must("POST", "/v1/sys/capabilities-self", token, {"paths": paths}, (200,)).data
    assert told[paths[0]] == ["patch"]
    assert told[paths[1]] == ["patch"]


@pytest.mark.parametrize(("path", "method"), IDENT_ROWS, ids=IDENT_IDS)
def test_s1_a_name_in_capitals_is_recorded_as_the_name(world, path, method):
    name = f"s{secrets.token_hex(3)}"
    idle, _ = world.token(rule("none", "read"))
    ask(world, method, path.format(upper(name)), idle)
    assert recorded_paths(world, name) == {path.format(name)}


def recorded_paths(world, name):
    """The paths, in whatever case, of request lines that hold the name."""
    world.settle(world.log.trouble, "audit")
    lines = [json.loads(line) for line in world.server.audit_file().read_bytes().splitlines()]
    paths = {line["request"]["path"] for line in lines if "path" in (line.get("request") or {})}
    return {path.rstrip("/") for path in paths if name in path.lower()}


def test_s1_a_secret_id_of_a_role_is_not_had_under_another_case(world):
    """The example of the finding."""
    world.must("POST", "/v1/auth/approle/role/admin", world.root, {"token_policies": "default"}, (204,))
    token, _ = world.token(rule("auth/approle/role/*", "create", "read", "update") + rule("auth/approle/role/admin/*", "read"))
    assert world.call("POST", "/v1/auth/approle/role/Admin/secret-id", token, {}).status == 403
    assert world.call("POST", "/v1/auth/approle/role/admin/secret-id", token, {}).status == 403


def test_s1_a_mount_is_not_disabled_under_another_case(fresh_world):
    """The example of the finding: who may disable any mount but `secret`."""
    world = fresh_world
    token, _ = world.token(rule("sys/mounts/*", *ALL) + rule("sys/mounts/secret", "read"))
    assert world.call("DELETE", "/v1/sys/mounts/Secret", token).status == 403
    assert "secret/" in world.must("GET", "/v1/sys/mounts", world.root, None, (200,)).data


def test_s1_a_policy_is_not_rewritten_under_another_case(world):
    text = rule("a", "read")
    world.must("PUT", "/v1/sys/policies/acl/super", world.root, {"policy": text}, (204,))
    token, _ = world.token(rule("sys/policies/acl/*", *ALL) + rule("sys/policies/acl/super", "read"))
    assert world.call("PUT", "/v1/sys/policies/acl/Super", token, {"policy": rule("b", "read")}).status == 403
    assert world.must("GET", "/v1/sys/policies/acl/super", world.root, None, (200,)).data["policy"] == text


# S10. Whether a path exists was asked outside of the unit that commits: two creators of one path could both succeed.


CREATED = {
    "secret/data/{}": {"data": {"k": "v"}},
    "secret/metadata/{}": {"max_versions": 3},
    "auth/approle/role/{}": {"token_policies": "default"},
    "service_tokens/roles/{}": {"audiences": ["a"], "ttl": "5m"},
}
ROUNDS, WRITERS = 25, 4


@pytest.mark.parametrize(("path", "body"), CREATED.items(), ids=CREATED.keys())
@pytest.mark.parametrize("uses", [0, 2], ids=["tokens", "use-limited tokens"])
def test_s10_one_creator_of_a_new_path_succeeds(world, path, body, uses):
    name = f"case-{secrets.token_hex(4)}"
    world.must("PUT", f"/v1/sys/policies/acl/{name}", world.root, {"policy": rule(path.format("*"), "create")}, (204,))
    made = {"policies": [name], "no_default_policy": True, "ttl": "1h", "num_uses": uses}
    outcomes = []
    for number in range(ROUNDS):
        target = f"/v1/{path.format(f's10{name}{number}')}"
        tokens = [world.must("POST", "/v1/auth/token/create", world.root, made, (200,)).auth["client_token"] for _ in range(WRITERS)]
        outcomes.append(sorted(at_once(world, [(target, token, body) for token in tokens])))
    created = [[status for status in statuses if status < 300] for statuses in outcomes]
    assert [len(those) for those in created] == [1] * ROUNDS
    assert {status for statuses in outcomes for status in statuses} <= {200, 204, 403}


def at_once(world, requests):
    """Sends all but the last byte of each, and then the last bytes together; the statuses."""
    wires, statuses, ready = [], [], threading.Barrier(len(requests))
    for target, token, body in requests:
        data, wire = request("POST", target, [("X-Vault-Token", token)], json.dumps(body)), world.wire(world.next_source())
        wire.send(data[:-1])
        wires.append((wire, data[-1:]))

    def finish(wire, last):
        ready.wait(20)
        wire.send(last)
        statuses.append(wire.read().status)
        wire.close()

    threads = [threading.Thread(target=finish, args=one) for one in wires]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return statuses


def test_s10_who_may_only_create_changes_nothing_later(world):
    """The control: one after the other, the second is refused."""
    token, _ = world.token(rule("secret/data/*", "create"))
    target, body = f"/v1/secret/data/{secrets.token_hex(4)}", {"data": {"k": "v"}}
    assert [world.call("POST", target, token, body).status for _ in range(2)] == [200, 403]


# S23. Whoever may nothing was told 400 of a field that contradicts the path where there is a mount whose rows have that
# field, and 403 elsewhere.


FAULTS = {  # what is wrong: the method, what stands behind the path, headers and body
    "a body that is no JSON": ("POST", "", [], "{"),
    "a body that is a list": ("POST", "", [], "[]"),
    "a field of the wrong type": ("POST", "", [], '{"data": 1, "ttl": [], "type": {}, "role_id": 5, "policy": []}'),
    "a field twice": ("POST", "", [], '{"data": {}, "data": {}}'),
    "an empty body": ("POST", "", [], ""),
    "a form that does not parse": ("POST", "", [("Content-Type", "application/x-www-form-urlencoded")], "%zz=%"),
    "another content type": ("POST", "", [("Content-Type", "text/xml")], "<a/>"),
    "a patch of no merge type": ("PATCH", "", [("Content-Type", "application/json")], "{}"),
    "a field that contradicts the path": ("POST", "", [], '{"path": "b", "name": "b", "role_name": "b", "role": "b"}'),
    "a query that contradicts the path": ("GET", "?path=b&name=b&role_name=b&role=b", [], None),
    "a number that is none": ("GET", "?version=abc", [], None),
    "a depth that is none": ("GET", "?depth=-1", [], None),
    "a list of too many": ("LIST", "?limit=abc", [], None),
    "another verb": ("SCAN", "", [], None),
    "a very long body": ("POST", "", [], '{"data": "' + "x" * 200_000 + '"}'),
}
PLACES = ["secret/data/x", "secret/metadata/x", "secret/nope", "foo/data/x", "service_tokens/roles/x", "service_tokens/token/x", "service_tokens/nope",
          "auth/approle/role/x", "auth/approle/role/-", "auth/approle/nope", "auth/token/create", "sys/mounts/x", "sys/policies/acl/x", "sys/nope"]
NOWHERE = "nope/data/x"
TOLD_NOBODY = ["a body that is no JSON", "a field of the wrong type", "a field that contradicts the path"]


@pytest.fixture
def idle(world):
    return world.token(rule("none", "read"))[0]


def told(world, fault, place, token):
    """What somebody is told who sends that fault there: status and body, less what names the place."""
    method, query, headers, body = fault
    reply = world.call(method, f"/v1/{place}{query}", token, body, headers, world.next_source())
    return reply.status, re.sub(rb"[0-9a-f]{8}-[0-9a-f-]{27}", b"<id>", reply.body)


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
@pytest.mark.parametrize("whose", ["idle", "no token", "no live token"])
def test_s23_who_may_nothing_learns_nothing_of_mounts(world, idle, fault, whose):
    token = {"idle": idle, "no token": None, "no live token": "srs.nosuchtoken"}[whose]
    expected = told(world, fault, NOWHERE, token)
    differing = {place: found for place in PLACES if (found := told(world, fault, place, token)) != expected}
    assert differing == {}, f"at {NOWHERE}: {expected}"


@pytest.mark.parametrize("fault", [FAULTS[name] for name in TOLD_NOBODY], ids=TOLD_NOBODY)
def test_s23_no_row_tells_a_fault_to_who_may_not_use_it(world, all_rows, idle, fault):
    """The class: every row that is not public."""
    method, _, headers, body = fault
    wrong = {}
    for row in all_rows:
        if row.public or not row.takes_body:
            continue
        reply = world.call(row.method, row.path, idle, body, row.headers, world.next_source())
        if reply.status != 403:
            wrong[str(row)] = reply.status
    assert wrong == {}


def test_s23_who_may_use_a_row_is_told_the_fault(world):
    """The control."""
    token, _ = world.token(rule("secret/*", *ALL))
    assert told(world, FAULTS["a body that is no JSON"], "secret/data/x", token)[0] == 400
