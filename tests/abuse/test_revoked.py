"""TOK-01: a token revoked in any way is dead at once, and still after kill -9 right behind the 2xx."""

import pytest

# "TOK-01"
pytestmark = pytest.mark.parametrize("case", ["TOK-01"])
ROOT_POLICY = 'path "*" { capabilities = ["create", "read", "update", "delete", "list", "sudo"] }'


def child(world, parent=None, **more):
    body = {name: value for name, value in ({"policies": ["default"], "ttl": "1h"} | more).items() if value is not None}
    return world.must("POST", "/v1/auth/token/create", parent or world.root, body, (200,)).auth


def revoke_by(endpoint, field):
    """A way to revoke one token by a field of its login."""
    def way(world):
        auth = child(world)
        body = {} if field is None else {"accessor" if field == "accessor" else "token": auth[field]}
        by = auth["client_token"] if field is None else world.root
        return [auth], lambda: world.must("POST", f"/v1/auth/token/{endpoint}", by, body, (200, 204))
    return way


def revoke_a_parent(world):
    parent, accessor = world.token(ROOT_POLICY)
    family = [child(world, parent, policies=None) for _ in range(3)] + [{"client_token": parent}]
    family.append(child(world, family[0]["client_token"], policies=None))
    return family, lambda: world.must("POST", "/v1/auth/token/revoke-accessor", world.root, {"accessor": accessor}, (200, 204))


def disable_the_method(world):
    logins = [world.login("tok"), world.login("tok")]
    return logins, lambda: world.must("DELETE", "/v1/sys/auth/approle", world.root, None, (200, 204))


WAYS = {
    "revoke-self": revoke_by("revoke-self", None),
    "revoke": revoke_by("revoke", "client_token"),
    "revoke-accessor": revoke_by("revoke-accessor", "accessor"),
    "revoke-orphan": revoke_by("revoke-orphan", "client_token"),
    "revoke a parent": revoke_a_parent,
    "disable the method": disable_the_method,
}


def dead(world, tokens):
    """Which of them are refused."""
    return [world.call("GET", "/v1/auth/token/lookup-self", token["client_token"]).status == 403 for token in tokens]


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS.keys())
def test_a_revoked_token_is_dead_also_after_a_crash(fresh_world, way, case):
    tokens, revoke = way(fresh_world)
    assert not any(dead(fresh_world, tokens)), "dead before it was revoked"
    revoke()
    fresh_world.crash_and_restart()
    assert all(dead(fresh_world, tokens)), "alive after kill -9"


def test_a_revoked_login_is_dead_at_once(world, case):
    token = world.login("tok-at-once")
    assert not any(dead(world, [token]))
    world.must("POST", "/v1/auth/token/revoke-accessor", world.root, {"accessor": token["accessor"]}, (204, 200))
    assert all(dead(world, [token]))


def test_a_revoked_service_token_is_inactive_also_after_a_crash(fresh_world, case):
    world = fresh_world
    world.must("POST", "/v1/service_tokens/roles/tok", world.root, {"audiences": ["a"], "ttl": "5m"}, (200, 204))
    world.must("PUT", "/v1/sys/policies/acl/service", world.root,
               {"policy": 'path "service_tokens/*" { capabilities = ["create", "update", "read"] }'}, (204,))
    service = world.login("service", "service")["client_token"]
    issued = world.must("POST", "/v1/service_tokens/token/tok", service, {"audience": "a"}, (200,)).data

    def is_active():
        return world.must("POST", "/v1/service_tokens/verify", world.root, {"token": issued["token"]}, (200,)).data["active"]

    assert is_active() is True
    world.must("POST", "/v1/service_tokens/revoke", world.root, {"jti": issued["jti"]}, (200, 204))
    assert is_active() is False
    world.crash_and_restart()
    assert is_active() is False
