"""Finding S24: of two headers that carry credentials the first won, so that two parts could disagree on who asks."""

import pytest

from tests.abuse.wire import request

TARGET = "/v1/auth/token/lookup-self"


@pytest.fixture
def tokens(world):
    """Two live tokens."""
    return {"A": world.root, "B": world.login("s24")["client_token"]}


def send(world, headers, target=TARGET, method="GET"):
    wire = world.wire(world.next_source())
    try:
        wire.send(request(method, target, headers, b"{}" if method == "POST" else None))
        return wire.read()
    finally:
        wire.close()


def filled(headers, tokens):
    return [(name, value.format(**tokens)) for name, value in headers]


ONE = {
    "X-Vault-Token": [("X-Vault-Token", "{A}")],
    "a bearer": [("Authorization", "Bearer {A}")],
}
TWO = {
    "two tokens": [("X-Vault-Token", "{A}"), ("X-Vault-Token", "{B}")],
    "two tokens, the other first": [("X-Vault-Token", "{B}"), ("X-Vault-Token", "{A}")],
    "two spellings of the name": [("X-Vault-Token", "{A}"), ("x-vault-token", "{B}")],
    "a token and one that is none": [("X-Vault-Token", "{A}"), ("X-Vault-Token", "nope")],
    "a token and an empty one": [("X-Vault-Token", "{A}"), ("X-Vault-Token", "")],
    "three tokens": [("X-Vault-Token", "{A}")] * 2 + [("X-Vault-Token", "{B}")],
    "two tokens with a header between": [("X-Vault-Token", "{A}"), ("Accept", "*/*"), ("X-Vault-Token", "{B}")],
    "two bearers": [("Authorization", "Bearer {A}"), ("Authorization", "Bearer {B}")],
    "a bearer and another scheme": [("Authorization", "Bearer {A}"), ("Authorization", "Basic cm9vdDpyb290")],
    "a token and another bearer": [("X-Vault-Token", "{A}"), ("Authorization", "Bearer {B}")],
    "a bearer and another token": [("Authorization", "Bearer {B}"), ("X-Vault-Token", "{A}")],
}


@pytest.mark.parametrize("headers", ONE.values(), ids=ONE.keys())
def test_s24_one_credential_is_taken(world, tokens, headers):
    """The control."""
    assert send(world, filled(headers, tokens)).status == 200


@pytest.mark.parametrize("headers", TWO.values(), ids=TWO.keys())
def test_s24_two_credentials_are_refused(world, tokens, headers):
    reply = send(world, filled(headers, tokens))
    assert reply.status == 400, reply.body
    assert not any(token.encode() in reply.body for token in tokens.values())


@pytest.mark.parametrize(("method", "target"), [("GET", "/v1/sys/health"), ("POST", "/v1/auth/approle/login"), ("PUT", "/v1/sys/unseal"),
                                                ("GET", "/v1/nope/x"), ("GET", "/v1/service_tokens/jwks")])
def test_s24_two_credentials_are_refused_at_every_door(world, tokens, method, target):
    assert send(world, filled(TWO["two tokens"], tokens), target, method).status == 400


def test_s24_a_change_with_two_credentials_changes_nothing(world, tokens):
    headers = filled(TWO["two tokens"], tokens)
    wire = world.wire(world.next_source())
    try:
        wire.send(request("POST", "/v1/secret/data/s24", headers, b'{"data": {"k": "v"}}'))
        assert wire.read().status == 400
    finally:
        wire.close()
    assert world.call("GET", "/v1/secret/data/s24", world.root).status == 404
