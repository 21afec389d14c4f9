"""PyJWT: one service gets a service token, another checks it from the JWKS alone."""

import time

import jwt
import pytest

from tests.clients.conftest import Role

POLICY = """path "service_tokens/token/billing" { capabilities = ["update", "create"] }
path "service_tokens/verify" { capabilities = ["update", "create"] }"""


@pytest.fixture(scope="module")
def issuer(server, against_openbao):
    """The engine with a role `billing`, and the login of a service that may ask for its tokens."""
    assert not against_openbao, "OpenBao has no service tokens: leave this file out"
    api = server.api
    api.ask("POST", "sys/mounts/service_tokens", {"type": "service_tokens"}, expect=(204,))
    api.ask("POST", "service_tokens/roles/billing", {"audiences": ["ledger", "mail"], "ttl": "2m"})
    api.ask("PUT", "sys/policies/acl/billing", {"policy": POLICY})
    return Issuer(server, Role(server, "billing"))


class Issuer:
    def __init__(self, server, role):
        self.api = server.api
        self.jwks = self.api.ask("GET", "service_tokens/jwks", token="").document
        body = {"role_id": role.role_id, "secret_id": role.secret_id}
        self.auth = self.api.ask("POST", role.path("login"), body, token="").auth
        self.url = f"{server.address}/v1/service_tokens"
        self.client_id = role.path("svc")

    def ask(self, body):
        return self.api.call("POST", "service_tokens/token/billing", body, self.auth["client_token"])

    def issue(self, audience="ledger"):
        answer = self.ask({"audience": audience})
        assert answer.status == 200, answer.text
        return answer.data

    def verify(self, token, audience="ledger"):
        """What another service does, with nothing but the JWKS."""
        key = jwt.PyJWKSet.from_dict(self.jwks)[jwt.get_unverified_header(token)["kid"]].key
        required = ["exp", "iat", "iss", "aud", "sub", "jti"]
        return jwt.decode(token, key, algorithms=["EdDSA"], audience=audience, issuer=self.url, options={"require": required})

    def asked(self, token):
        """What the broker says of a token."""
        answer = self.api.ask("POST", "service_tokens/verify", {"token": token}, expect=(200,))
        return answer.data


def spoiled(token):
    head, payload, signature = token.split(".")
    return f"{head}.{payload}.{'A' if signature[0] != 'A' else 'B'}{signature[1:]}"


def test_a_role_reads_back(issuer):
    assert issuer.api.ask("GET", "service_tokens/roles/billing").data["ttl"] == 120


def test_a_token_is_issued_to_the_service(issuer):
    answer = issuer.ask({"audience": "ledger"})
    assert (answer.status, answer.headers["cache-control"]) == (200, "no-store")
    assert answer.data["token_type"].lower() == "bearer"
    assert answer.data["expires_in"] == 120


@pytest.mark.parametrize("body", [{}, {"audience": "other"}], ids=["no audience", "an audience of no role"])
def test_an_audience_of_the_role_must_be_named(issuer, body):
    assert issuer.ask(body).status == 400


@pytest.mark.parametrize(("role", "is_service"), [("billing", False), ("nope", True)], ids=["a stranger", "another role"])
def test_who_may_not_ask_gets_nothing(issuer, server, role, is_service):
    token = issuer.auth["client_token"] if is_service else ""
    assert server.ask("POST", f"service_tokens/token/{role}", {"audience": "ledger"}, token).status == 403


@pytest.mark.parametrize("body", [{"ttl": "2m"}, {"audiences": "x", "ttl": "10h"}], ids=["no audiences", "ten hours"])
def test_a_role_that_is_too_wide_is_refused(issuer, body):
    assert issuer.api.call("POST", "service_tokens/roles/bad", body).status == 400


def test_discovery_is_public_and_names_the_keys(issuer):
    answer = issuer.api.call("GET", "service_tokens/.well-known/openid-configuration", token="")
    assert answer.status == 200
    assert (answer.document["issuer"], answer.document["jwks_uri"]) == (issuer.url, f"{issuer.url}/jwks")
    keys = issuer.api.call("GET", "service_tokens/jwks", token="")
    assert keys.headers["content-type"].startswith("application/")


def test_the_jwks_holds_public_keys_alone(issuer):
    keys = issuer.jwks["keys"]
    assert {(key["kty"], key["crv"], key["alg"], key["use"]) for key in keys} == {("OKP", "Ed25519", "EdDSA", "sig")}
    assert not any("d" in key for key in keys)


def test_the_token_verifies_and_says_whose_it_is(issuer):
    issued = issuer.issue()
    claims, header = issuer.verify(issued["token"]), jwt.get_unverified_header(issued["token"])
    assert (header["typ"], header["kid"]) == ("at+jwt", issued["kid"])
    assert (claims["sub"], claims["client_id"]) == (issuer.auth["entity_id"], issuer.client_id)
    assert claims["jti"] == issued["jti"]
    assert claims["exp"] - claims["iat"] == 120
    assert abs(claims["iat"] - time.time()) < 5
    assert claims["aud"] in ("ledger", ["ledger"])


def test_a_token_for_another_or_with_another_signature_is_refused(issuer):
    token = issuer.issue()["token"]
    with pytest.raises(jwt.InvalidAudienceError):
        issuer.verify(token, "mail")
    with pytest.raises(jwt.InvalidSignatureError):
        issuer.verify(spoiled(token))


FORGERIES = {
    "spoiled": lambda token, _: spoiled(token),
    "cut": lambda token, _: token[:-4],
    "alg none": lambda _, claims: jwt.encode(claims, None, algorithm="none"),
    "a text": lambda _token, _claims: "x",
    "HS256": lambda _, claims: jwt.encode(claims, "x" * 32, algorithm="HS256"),
}


@pytest.mark.parametrize("forge", FORGERIES.values(), ids=FORGERIES.keys())
def test_the_broker_calls_a_forgery_inactive(issuer, forge):
    token = issuer.issue()["token"]
    assert issuer.asked(token)["active"] is True
    assert issuer.asked(forge(token, issuer.verify(token))) == {"active": False}


def test_a_broker_token_is_no_service_token(issuer):
    assert issuer.asked(issuer.auth["client_token"]) == {"active": False}


@pytest.mark.parametrize("field", ["jti", "token"])
def test_a_revoked_token_is_inactive(issuer, field):
    issued = issuer.issue("mail")
    assert issuer.asked(issued["token"])["active"] is True
    issuer.api.ask("POST", "service_tokens/revoke", {field: issued[field]})
    assert issuer.asked(issued["token"]) == {"active": False}
