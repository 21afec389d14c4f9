"""The servers that the foreign clients talk to: a development server over TLS, shared, and a sealed one for each test.

With `--openbao` the clients ask OpenBao over plain HTTP, which shows that the cases expect what Vault's API gives.
"""

import secrets

import pytest

import servers

@pytest.fixture(scope="session")
def against_openbao(request):
    return request.config.getoption("--openbao")


@pytest.fixture(scope="session")
def server(against_openbao):
    """One development server for all clients: each case uses names of its own."""
    kind = servers.DevOpenBao if against_openbao else servers.DevTlsStrongroom
    with kind(servers.fresh_folder("clients")) as server:
        yield server
        assert server.stop() or against_openbao, "the server did not end by SIGTERM"


@pytest.fixture
def sealed(against_openbao, folder):
    """A fresh server that is not initialised: over TLS, or OpenBao without."""
    kind = servers.OpenBao if against_openbao else servers.Strongroom
    with kind(folder) as server:
        yield server
        assert server.stop() or against_openbao, "the server did not end by SIGTERM"


@pytest.fixture
def name():
    """A name for mounts, policies and roles that no other case uses."""
    return f"c{secrets.token_hex(4)}"


@pytest.fixture
def secrets_at(server, name):
    """The path of a fresh KV version 2 mount that knows `db` (user u) and `dir/sub` (k v)."""
    mount_kv(server, name)
    server.api.ask("POST", f"{name}/data/db", {"data": {"user": "u", "password": "p"}})
    server.api.ask("POST", f"{name}/data/dir/sub", {"data": {"k": "v"}})
    return name


def mount_kv(server, path):
    server.api.ask("POST", f"sys/mounts/{path}", {"type": "kv", "options": {"version": "2"}})
    # OpenBao prepares a new mount in the background and refuses it meanwhile.
    servers.until(lambda: server.api.call("GET", f"{path}/config").status == 200, what=f"the mount {path}")


@pytest.fixture
def reader(server, secrets_at):
    """A policy, of the mount's name, that may read the secrets in it."""
    rules = f'path "{secrets_at}/data/*" {{ capabilities = ["read"] }}'
    server.api.ask("PUT", f"sys/policies/acl/{secrets_at}", {"policy": rules})
    return secrets_at


class Role:
    """An AppRole mount, its role `svc` with the reader's policy, and one SecretID."""

    def __init__(self, server, policy):
        self.mount = f"{policy}r"
        server.api.ask("POST", f"sys/auth/{self.mount}", {"type": "approle"})
        server.api.ask("POST", self.path("role/svc"), {"token_policies": [policy], "token_ttl": "10m"})
        self.role_id = server.api.ask("GET", self.path("role/svc/role-id")).data["role_id"]
        self.secret_id = server.api.ask("POST", self.path("role/svc/secret-id"), {}).data["secret_id"]

    def path(self, below):
        return f"auth/{self.mount}/{below}"


@pytest.fixture
def role(server, reader):
    return Role(server, reader)
