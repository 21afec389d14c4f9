"""Finding U16: the audit log has what a user tried, and not what the command line asked on its own account."""

import json

import pytest

import servers

EXPLAIN = "sys/internal/explain/"
POLICY = 'path "secret/shop/*" { capabilities = ["read"] }'


@pytest.fixture(scope="module")
def shop():
    """An open server with KV version 2 at `secret/`, and a token whose only rule lacks `data/`."""
    with servers.Strongroom(servers.fresh_folder("questions")).open() as server:
        server.api.ask("POST", "sys/mounts/secret", {"type": "kv", "options": {"version": "2"}})
        server.api.ask("POST", "sys/mounts/hidden", {"type": "kv", "options": {"version": "2"}})
        server.api.ask("PUT", "sys/policies/acl/shop", {"policy": POLICY})
        server.api.ask("POST", "sys/auth/approle", {"type": "approle"})
        yield server


def token(server, *policies, **more):
    made = server.api.ask("POST", "auth/token/create", {"policies": list(policies), "no_default_policy": True} | more)
    return made.document["auth"]["client_token"]


def refused(server, since):
    """The refused requests that came after so many: their operation and path."""
    rows = searched(server, "-refused")[since:]
    return [(row["operation"], row["path"]) for row in rows]


def searched(server, *more):
    told = server.client("audit", "search", "--data", server.data, "-format=json", f"-public-key={key(server)}", *more)
    assert told.returncode == 0, told.stderr
    return json.loads(told.stdout)


def key(server):
    return server.audit_key


def as_token(server, own, *words):
    root, server.root_token = server.root_token, own
    try:
        return server.client(*words)
    finally:
        server.root_token = root


@pytest.mark.parametrize(("words", "operation", "path"), [
    ("kv get secret/shop/payments", "read", "secret/data/shop/payments"),
    ("kv get hidden/shop", "read", "hidden/data/shop"),
    ("kv get nowhere/shop", "read", "nowhere/data/shop"),
    ("kv put secret/shop/payments a=b", "update", "secret/data/shop/payments"),
    ("kv list secret/shop", "list", "secret/metadata/shop"),
    ("read secret/data/shop/payments", "read", "secret/data/shop/payments"),
    ("list secret/metadata/shop", "list", "secret/metadata/shop"),
    ("policy read shop", "read", "sys/policies/acl/shop"),
    ("secrets list", "read", "sys/mounts"),
    ("token lookup unknown", "update", "auth/token/lookup"),
])
def test_u16_a_refused_command_leaves_one_refusal(shop, words, operation, path):
    own, before = token(shop, "shop"), len(searched(shop, "-refused"))
    told = as_token(shop, own, *words.split())
    assert told.returncode == 3, told.stdout + told.stderr
    left = [(row[0], row[1].rstrip("/")) for row in refused(shop, before)]
    assert left == [(operation, path)]


def test_u16_the_explanation_is_recorded_as_such_and_says_which_rule_is_wrong(shop):
    own = token(shop, "shop")
    before = len(searched(shop))
    told = as_token(shop, own, "kv", "get", "secret/shop/payments")
    assert "your policies have a rule for secret/shop/payments, but secret/ is KV version 2" in told.stderr, told.stderr
    asked = {row["path"] for row in searched(shop)[before:] if row["path"].startswith("sys/internal/")}
    assert asked and all(path.startswith(EXPLAIN) for path in asked), asked


def test_u16_an_explanation_names_a_policy_only_to_whoever_may_read_it(shop):
    shop.api.ask("PUT", "sys/policies/acl/reads-shop", {"policy": 'path "sys/policies/acl/shop" { capabilities = ["read"] }'})
    for policies, named in ((["shop"], False), (["shop", "reads-shop"], True)):
        found = shop.ask("GET", f"{EXPLAIN}secret/shop/payments", token=token(shop, *policies)).data
        assert bool(found["rules"]) == named and found["capabilities"]["secret/shop/payments"] == ["read"]
        assert found["mount"]["path"] == "secret/"


def test_u16_an_explanation_tells_nothing_about_mounts_without_rights(shop):
    own = token(shop, "shop")
    hidden, nowhere = (shop.ask("GET", f"{EXPLAIN}{path}/x", token=own).data for path in ("hidden", "nowhere"))
    for found in (hidden, nowhere):
        assert found["mount"] is None and found["mounts"] == ["secret/"] and found["rules"] == {}
    assert [len(found["capabilities"]) for found in (hidden, nowhere)] == [2, 2]
    assert shop.ask("GET", f"{EXPLAIN}secret/x", token="srs.unknown").status == 403


@pytest.mark.parametrize(("rules", "words", "code"), [
    ('path "sys/policies/acl/new" { capabilities = ["update", "create"] }', "policy write new -", 0),
    ('path "secret/data/*" { capabilities = ["read"] }', "kv get secret/missing", 5),
    ('path "secret/data/*" { capabilities = ["create", "update"] }', "kv put -cas=9 secret/shop/cas a=b", 7),
], ids=["the old policy", "the names beside it", "the newest version"])
def test_u16_what_only_helps_is_not_asked_without_the_right(shop, rules, words, code):
    shop.api.ask("PUT", "sys/policies/acl/narrow", {"policy": rules})
    own, before = token(shop, "narrow"), len(searched(shop, "-refused"))
    root, shop.root_token = shop.root_token, own
    told = shop.client(*words.split(), stdin='path "x" { capabilities = ["read"] }')
    shop.root_token = root
    assert told.returncode == code, told.stdout + told.stderr
    assert refused(shop, before) == []


@pytest.mark.parametrize("body", [
    {"role_id": "unknown", "secret_id": "unknown"},
    {"role_id": "", "secret_id": ""},
], ids=["wrong", "empty"])
def test_u16_a_failed_login_is_a_refusal_with_its_address(shop, body):
    before = len(searched(shop, "-refused"))
    assert shop.call("POST", "/v1/auth/approle/login", body=json.dumps(body).encode()).status == 400
    assert refused(shop, before) == [("update", "auth/approle/login")]
    table = shop.client("audit", "search", "--data", shop.data, f"-public-key={key(shop)}", "-refused").stdout
    line = table.splitlines()[-1]
    assert "127.0.0.1" in line and "login refused" in line, table


def test_u16_the_address_stands_beside_every_caller(shop):
    shop.client("kv", "put", "secret/shop/seen", "a=b")
    told = shop.client("audit", "who", "secret/data/shop/seen", "--data", shop.data, f"-public-key={key(shop)}")
    assert "From" in told.stdout.splitlines()[0] and "127.0.0.1" in told.stdout.splitlines()[-1], told.stdout
