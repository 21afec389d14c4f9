"""PyJWT: one service gets a service token, another checks it from the JWKS alone."""

import json
import os
import ssl
import time
import urllib.error
import urllib.request

import jwt

from expect import finish, holds, raises, same

ADDRESS = os.environ["VAULT_ADDR"]
TLS = ssl.create_default_context(cafile=os.environ.get("VAULT_CACERT"))


def call(method, path, token=None, body=None):
    request = urllib.request.Request(f"{ADDRESS}/v1/{path}", method=method, data=None if body is None else json.dumps(body).encode(),
                                     headers={"X-Vault-Token": token} if token else {})
    try:
        with urllib.request.urlopen(request, context=TLS) as reply:
            return reply.status, json.loads(reply.read() or b"null"), reply.headers
    except urllib.error.HTTPError as refusal:
        return refusal.code, json.loads(refusal.read() or b"null"), refusal.headers


ROOT = os.environ["ROOT_TOKEN"]

# The operator.
same("enable service_tokens", call("POST", "sys/mounts/service_tokens", ROOT, {"type": "service_tokens"})[0], 204)
status, _, _ = call("POST", "service_tokens/roles/billing", ROOT, {"audiences": ["ledger", "mail"], "ttl": "2m"})
holds("a role", status in (200, 204))
same("the role reads back", call("GET", "service_tokens/roles/billing", ROOT)[1]["data"]["ttl"], 120)
call("PUT", "sys/policies/acl/billing", ROOT, {"policy": 'path "service_tokens/token/billing" { capabilities = ["update", "create"] }\n'
                                               'path "service_tokens/verify" { capabilities = ["update", "create"] }'})
call("POST", "sys/auth/approle", ROOT, {"type": "approle"})
call("POST", "auth/approle/role/billing", ROOT, {"token_policies": ["billing"]})
role_id = call("GET", "auth/approle/role/billing/role-id", ROOT)[1]["data"]["role_id"]
secret_id = call("POST", "auth/approle/role/billing/secret-id", ROOT, {})[1]["data"]["secret_id"]

# The service that asks.
login = call("POST", "auth/approle/login", None, {"role_id": role_id, "secret_id": secret_id})[1]["auth"]
service, entity = login["client_token"], login["entity_id"]
status, answer, headers = call("POST", "service_tokens/token/billing", service, {"audience": "ledger"})
same("issued", status, 200)
same("not to be stored", headers["Cache-Control"], "no-store")
issued = answer["data"]
holds("a bearer token", issued["token_type"].lower() == "bearer")
same("expires_in", issued["expires_in"], 120)
same("no audience", call("POST", "service_tokens/token/billing", service, {})[0], 400)
same("an audience of no role", call("POST", "service_tokens/token/billing", service, {"audience": "other"})[0], 400)
same("an unknown role is refused", call("POST", "service_tokens/token/nope", service, {"audience": "ledger"})[0], 403)
same("without a token", call("POST", "service_tokens/token/billing", None, {"audience": "ledger"})[0], 403)
same("a role without audiences", call("POST", "service_tokens/roles/bad", ROOT, {"ttl": "2m"})[0], 400)
same("a role of ten hours", call("POST", "service_tokens/roles/bad", ROOT, {"audiences": "x", "ttl": "10h"})[0], 400)

# The service that checks, with nothing but the JWKS.
status, document, headers = call("GET", "service_tokens/.well-known/openid-configuration")
same("discovery is public", status, 200)
issuer = document["issuer"]
same("issuer", issuer, f"{ADDRESS}/v1/service_tokens")
same("jwks_uri", document["jwks_uri"], f"{ADDRESS}/v1/service_tokens/jwks")
status, keys, headers = call("GET", "service_tokens/jwks")
same("JWKS is public", status, 200)
holds("JWKS is JSON", headers["Content-Type"].startswith("application/"))
holds("no private part", all("d" not in key for key in keys["keys"]))
same("kinds of key", {(key["kty"], key["crv"], key["alg"], key["use"]) for key in keys["keys"]}, {("OKP", "Ed25519", "EdDSA", "sig")})
jwks = jwt.PyJWKSet.from_dict(keys)


def verify(token, audience="ledger"):
    header = jwt.get_unverified_header(token)
    return jwt.decode(token, jwks[header["kid"]].key, algorithms=["EdDSA"], audience=audience, issuer=issuer,
                      options={"require": ["exp", "iat", "iss", "aud", "sub", "jti"]})


claims = verify(issued["token"])
same("typ", jwt.get_unverified_header(issued["token"])["typ"], "at+jwt")
same("kid", jwt.get_unverified_header(issued["token"])["kid"], issued["kid"])
same("subject", claims["sub"], entity)
same("client_id", claims["client_id"], "billing")
same("jti", claims["jti"], issued["jti"])
same("lifetime", claims["exp"] - claims["iat"], 120)
holds("issued now", abs(claims["iat"] - time.time()) < 5)
holds("audience", claims["aud"] in ("ledger", ["ledger"]))
raises("another's audience", jwt.InvalidAudienceError, verify, issued["token"], "mail")
head, payload, signature = issued["token"].split(".")
spoiled = f"{head}.{payload}.{'A' if signature[0] != 'A' else 'B'}{signature[1:]}"
raises("another signature", jwt.InvalidSignatureError, verify, spoiled)

# Asking the broker.
same("verify", call("POST", "service_tokens/verify", ROOT, {"token": issued["token"]})[1]["data"]["active"], True)
for what, token in {"spoiled": spoiled, "cut": issued["token"][:-4], "alg none": jwt.encode(claims, None, algorithm="none"),
                    "a text": "x", "HS256": jwt.encode(claims, "x" * 32, algorithm="HS256"), "the broker token": service}.items():
    status, answer, _ = call("POST", "service_tokens/verify", ROOT, {"token": token})
    same(f"verify: {what}", (status, answer["data"]), (200, {"active": False}))
holds("revoke", call("POST", "service_tokens/revoke", ROOT, {"jti": issued["jti"]})[0] in (200, 204))
same("revoked", call("POST", "service_tokens/verify", ROOT, {"token": issued["token"]})[1]["data"], {"active": False})
second = call("POST", "service_tokens/token/billing", service, {"audience": "mail"})[1]["data"]
holds("revoke by token", call("POST", "service_tokens/revoke", ROOT, {"token": second["token"]})[0] in (200, 204))
same("revoked by token", call("POST", "service_tokens/verify", ROOT, {"token": second["token"]})[1]["data"], {"active": False})
finish()
