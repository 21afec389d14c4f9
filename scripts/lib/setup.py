"""What every broker is filled with before it is measured or killed: mount, policy, role, secrets. One way for all,
through Vault's API, so that no side is set up more kindly than another."""

import secrets

from http_api import Refused

SECRETS, SECRET_BYTES = 1000, 256

POLICY = """
path "secret/data/*" { capabilities = ["create", "read", "update", "delete"] }
path "service_tokens/token/*" { capabilities = ["update"] }
"""


class Caller:
    """A service's way in: role id, secret id, and the token of one login."""

    def __init__(self, role_id, secret_id, token):
        self.role_id, self.secret_id, self.token = role_id, secret_id, token

    def login_body(self):
        return {"role_id": self.role_id, "secret_id": self.secret_id}


def value_of(size=SECRET_BYTES):
    return secrets.token_hex(size // 2)


def furnish(server, secrets_count=SECRETS):
    """Mounts, policy and role on a fresh, unsealed server; writes the secrets; logs in once. Returns the Caller."""
    api = server.api
    mount_kv(api)
    api.ask("PUT", "sys/policies/acl/bench", {"policy": POLICY})
    api.ask("POST", "sys/auth/approle", {"type": "approle"}, expect=(200, 204, 400))  # 400: it is there already
    role = {"token_policies": ["bench"], "token_ttl": "2h", "token_max_ttl": "4h"}
    api.ask("POST", "auth/approle/role/bench", role)
    role_id = api.ask("GET", "auth/approle/role/bench/role-id").data["role_id"]
    secret_id = api.ask("POST", "auth/approle/role/bench/secret-id", {}).data["secret_id"]
    for key in range(secrets_count):
        api.ask("POST", f"secret/data/bench/{key:04d}", {"data": {"value": value_of()}})
    caller = Caller(role_id, secret_id, None)
    caller.token = api.ask("POST", "auth/approle/login", caller.login_body(), token="").auth["client_token"]
    return caller


def mount_kv(api):
    """Enables KV version 2 at secret/ and waits until it takes a write (OpenBao prepares it in the background)."""
    api.ask("POST", "sys/mounts/secret", {"type": "kv", "options": {"version": "2"}})
    for _ in range(500):
        if api.call("POST", "secret/data/ready", {"data": {"yes": "1"}}).status == 200:
            return
    raise RuntimeError("secret/ takes no write")


def enable_service_tokens(api):
    """Mounts the service tokens engine with one role. False where the server has no such engine."""
    try:
        api.ask("POST", "sys/mounts/service_tokens", {"type": "service_tokens"})
    except Refused:
        return False
    api.ask("POST", "service_tokens/roles/bench", {"audiences": ["bench"], "ttl": "5m"})
    return True
