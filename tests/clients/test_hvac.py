"""hvac, the Python client: what its documentation shows, against a server that it believes to be Vault."""

import hvac
import pytest
from hvac.exceptions import Forbidden, InvalidPath, InvalidRequest, VaultDown

import servers


@pytest.fixture
def make_client(server):
    """Makes a client of the shared server with any token, or none."""
    return lambda token=None: client_of(server, token)


def client_of(server, token=None):
    return hvac.Client(url=server.address, token=token, verify=str(server.ca_file) if server.ca_file else True)


@pytest.fixture
def client(server, make_client):
    return make_client(server.root_token)


# The server's state.


def test_only_a_living_token_is_authenticated(client, make_client):
    assert client.is_authenticated()
    assert not make_client("s.nosuchtokennosuchtoken00").is_authenticated()


def test_the_state_is_read(client):
    assert client.sys.is_initialized()
    assert not client.sys.is_sealed()
    assert client.sys.read_health_status().status_code == 200
    assert client.sys.read_health_status(method="GET")["initialized"] is True
    assert client.seal_status["sealed"] is False
    assert "ha_enabled" in client.sys.read_leader_status()


def test_without_a_token_nothing_is_told(make_client):
    with pytest.raises(Forbidden):
        make_client().sys.list_mounted_secrets_engines()


# Secrets engines.


def test_a_mount_is_told_in_data_and_beside_it(client, name):
    client.sys.enable_secrets_engine("kv", path=name, options={"version": "2"}, description="of the app")
    mounts = client.sys.list_mounted_secrets_engines()
    assert mounts["data"][f"{name}/"]["type"] == "kv"
    assert mounts[f"{name}/"]["options"]["version"] == "2"
    assert mounts["data"][f"{name}/"]["description"] == "of the app"
    with pytest.raises(InvalidRequest):
        client.sys.enable_secrets_engine("kv", path=name, options={"version": "2"})


def test_a_mount_is_tuned(client, secrets_at):
    client.sys.tune_mount_configuration(secrets_at, default_lease_ttl="1h", max_lease_ttl="2h")
    assert client.sys.read_mount_configuration(secrets_at)["data"]["max_lease_ttl"] == 7200


def test_kv_v2_is_a_kind_of_its_own_name(client, name):
    client.sys.enable_secrets_engine("kv-v2", path=name)
    assert client.sys.list_mounted_secrets_engines()["data"][f"{name}/"]["type"] == "kv"
    client.sys.disable_secrets_engine(name)
    assert f"{name}/" not in client.sys.list_mounted_secrets_engines()["data"]


# KV version 2.


class Kv:
    """hvac's KV calls at one mount."""

    def __init__(self, client, mount):
        self.v2, self.mount = client.secrets.kv.v2, mount

    def __getattr__(self, call):
        return lambda *arguments, **named: getattr(self.v2, call)(*arguments, mount_point=self.mount, **named)

    def read(self, path, **named):
        return self.read_secret_version(path, **({"raise_on_deleted_version": True} | named))["data"]


@pytest.fixture
def kv(client, secrets_at):
    return Kv(client, secrets_at)


def test_kv_is_configured(kv):
    kv.configure(max_versions=5)
    assert kv.read_configuration()["data"]["max_versions"] == 5


def test_a_secret_keeps_its_json_types(kv):
    secret = {"user": "u", "password": "p", "port": 5432, "on": True}
    assert kv.create_or_update_secret("new", secret)["data"]["version"] == 1
    read = kv.read("new")
    assert (read["data"], read["metadata"]["version"]) == (secret, 1)


def test_a_stale_cas_is_refused(kv):
    assert kv.create_or_update_secret("db", {"user": "u2"}, cas=1)["data"]["version"] == 2
    with pytest.raises(InvalidRequest):
        kv.create_or_update_secret("db", {"user": "u3"}, cas=1)


def test_a_patch_makes_a_version_and_the_old_one_stays(kv):
    assert kv.patch("db", {"host": "h"})["data"]["version"] == 2
    assert kv.read("db")["data"] == {"user": "u", "password": "p", "host": "h"}
    assert kv.read("db", version=1)["data"] == {"user": "u", "password": "p"}


def test_names_are_listed(kv):
    assert kv.list_secrets("")["data"]["keys"] == ["db", "dir/"]
    assert kv.list_secrets("dir")["data"]["keys"] == ["sub"]
    with pytest.raises(InvalidPath):
        kv.list_secrets("none")
    with pytest.raises(InvalidPath):
        kv.read("none")


def test_metadata_is_kept_beside_the_versions(kv):
    kv.create_or_update_secret("db", {"user": "u2"})
    kv.update_metadata("db", max_versions=4, custom_metadata={"owner": "ops"})
    metadata = kv.read_secret_metadata("db")["data"]
    assert metadata["custom_metadata"] == {"owner": "ops"}
    assert sorted(metadata["versions"]) == ["1", "2"]


def test_a_deleted_secret_comes_back(kv):
    kv.delete_latest_version_of_secret("db")
    with pytest.raises(InvalidPath):
        kv.read("db")
    deleted = kv.read("db", raise_on_deleted_version=False)
    assert deleted["data"] is None
    assert deleted["metadata"]["deletion_time"]
    kv.undelete_secret_versions("db", [1])
    assert kv.read("db")["metadata"]["version"] == 1


def test_versions_are_deleted_and_destroyed_by_number(kv):
    kv.create_or_update_secret("db", {"user": "u2"})
    kv.delete_secret_versions("db", [1])
    kv.destroy_secret_versions("db", [2])
    versions = kv.read_secret_metadata("db")["data"]["versions"]
    assert versions["2"]["destroyed"] is True
    assert versions["1"]["deletion_time"]
    kv.delete_metadata_and_all_versions("db")
    with pytest.raises(InvalidPath):
        kv.read_secret_metadata("db")


def test_raw_paths_work_too(client, secrets_at):
    assert client.read(f"{secrets_at}/data/dir/sub")["data"]["data"] == {"k": "v"}
    assert client.read(f"{secrets_at}/data/none") is None
    assert client.list(f"{secrets_at}/metadata")["data"]["keys"] == ["db", "dir/"]
    client.write_data(f"{secrets_at}/data/raw", data={"data": {"k": "raw"}})
    assert client.read(f"{secrets_at}/data/raw")["data"]["data"] == {"k": "raw"}
    client.delete(f"{secrets_at}/data/raw")
    assert client.read(f"{secrets_at}/data/raw") is None


# Policies.


def test_a_policy_reads_back_as_it_was_written(client, name):
    rules = 'path "app/data/*" { capabilities = ["read"] }'
    client.sys.create_or_update_policy(name, rules)
    assert client.sys.read_policy(name)["data"]["rules"] == rules
    assert name in client.sys.list_policies()["data"]["policies"]
    assert name in client.sys.list_acl_policies()["data"]["keys"]
    client.sys.delete_policy(name)
    with pytest.raises(InvalidPath):
        client.sys.read_policy(name)


def test_a_policy_with_an_unknown_capability_is_refused(client, name):
    with pytest.raises(InvalidRequest):
        client.sys.create_or_update_policy(name, 'path "x" { capabilities = ["banana"] }')
    client.sys.create_or_update_acl_policy(name, 'path "x" { capabilities = ["read"] }')


# AppRole.


def test_an_auth_method_is_enabled_tuned_and_disabled(client, name):
    client.sys.enable_auth_method("approle", path=name)
    assert f"{name}/" in client.sys.list_auth_methods()["data"]
    client.sys.tune_auth_method(name, default_lease_ttl="1h")
    assert client.sys.read_auth_method_tuning(name)["data"]["default_lease_ttl"] == 3600
    client.sys.disable_auth_method(name)
    assert f"{name}/" not in client.sys.list_auth_methods()["data"]


def test_a_role_is_made_read_listed_and_deleted(client, role, name):
    approle, mount = client.auth.approle, role.mount
    approle.create_or_update_approle(name, token_policies=["app"], token_ttl="10m", secret_id_num_uses=2, mount_point=mount)
    assert approle.read_role(name, mount_point=mount)["data"]["token_policies"] == ["app"]
    assert approle.list_roles(mount_point=mount)["data"]["keys"] == sorted([name, "svc"])
    approle.delete_role(name, mount_point=mount)
    with pytest.raises(InvalidPath):
        approle.read_role(name, mount_point=mount)


def test_a_service_logs_in_reads_and_logs_out(make_client, role, reader):
    service = make_client()
    login = service.auth.approle.login(role.role_id, role.secret_id, mount_point=role.mount)["auth"]
    assert login["policies"] == sorted([reader, "default"])
    assert login["metadata"]["role_name"] == "svc"
    assert login["lease_duration"] == 600
    assert service.is_authenticated()
    kv = Kv(service, reader)
    assert kv.read("dir/sub")["data"] == {"k": "v"}
    with pytest.raises(Forbidden):
        kv.create_or_update_secret("dir/x", {"k": "v"})
    service.logout(revoke_token=True)
    assert not service.is_authenticated()


def test_a_secret_id_is_looked_up_and_destroyed(client, make_client, role):
    approle, at = client.auth.approle, {"mount_point": role.mount}
    secret = approle.generate_secret_id("svc", metadata={"env": "test"}, **at)["data"]
    accessor = secret["secret_id_accessor"]
    assert accessor in approle.list_secret_id_accessors("svc", **at)["data"]["keys"]
    assert approle.read_secret_id("svc", secret["secret_id"], **at)["data"]["metadata"] == {"env": "test"}
    assert approle.read_secret_id_accessor("svc", accessor, **at)["data"]["secret_id_accessor"] == accessor
    approle.destroy_secret_id_accessor("svc", accessor, **at)
    for secret_id in (secret["secret_id"], "wrong"):
        with pytest.raises(InvalidRequest):
            make_client().auth.approle.login(role.role_id, secret_id, **at)


# Tokens.


@pytest.fixture
def made(client, reader):
    return client.auth.token.create(policies=[reader], ttl="1h", display_name="tool", meta={"k": "v"})["auth"]


def test_a_token_is_looked_up(client, make_client, made, reader):
    assert made["policies"] == sorted([reader, "default"])
    own = make_client(made["client_token"]).lookup_token()["data"]
    assert (own["display_name"], own["meta"]) == ("token-tool", {"k": "v"})
    assert own["expire_time"]
    token = client.auth.token
    assert token.lookup(made["client_token"])["data"]["accessor"] == made["accessor"]
    assert token.lookup_accessor(made["accessor"])["data"]["display_name"] == "token-tool"
    assert made["accessor"] in token.list_accessors()["data"]["keys"]


def test_a_token_is_renewed_in_three_ways(client, make_client, made):
    token, own = client.auth.token, make_client(made["client_token"]).auth.token
    assert token.renew(made["client_token"], increment="30m")["auth"]["lease_duration"] == 1800
    assert own.renew_self(increment="40m")["auth"]["lease_duration"] == 2400
    assert token.renew_accessor(made["accessor"], increment="50m")["auth"]["lease_duration"] == 3000


def test_capabilities_are_told(client, make_client, made, reader):
    path = f"{reader}/data/x"
    assert make_client(made["client_token"]).sys.get_capabilities([path])["data"]["capabilities"] == ["read"]
    assert client.sys.get_capabilities([path], token=made["client_token"])["data"]["capabilities"] == ["read"]
    assert client.sys.get_capabilities([path], accessor=made["accessor"])["data"][path] == ["read"]


def test_a_revoked_token_is_dead(client, made):
    token = client.auth.token
    orphan = token.create_orphan(policies=["default"], ttl="5m")["auth"]["client_token"]
    assert token.lookup(orphan)["data"]["orphan"] is True
    token.revoke_accessor(made["accessor"])
    token.revoke(orphan)
    for dead in (made["client_token"], orphan):
        with pytest.raises(Forbidden):
            token.lookup(dead)


def test_a_token_of_one_use_works_once(client, make_client):
    once = make_client(client.auth.token.create(policies=["default"], num_uses=1, ttl="5m")["auth"]["client_token"])
    assert once.lookup_token()
    with pytest.raises(Forbidden):
        once.lookup_token()


# A sealed server.


def test_init_and_unseal_open_a_fresh_server(sealed):
    cold = client_of(sealed)
    assert not cold.sys.is_initialized()
    assert cold.sys.read_health_status().status_code == 501
    keys = cold.sys.initialize(secret_shares=3, secret_threshold=2)
    assert (len(keys["keys"]), len(keys["keys_base64"])) == (3, 3)
    assert cold.sys.is_sealed()
    warm = client_of(sealed, keys["root_token"])
    with pytest.raises(VaultDown):
        warm.sys.list_policies()
    with pytest.raises(InvalidRequest):
        cold.sys.initialize(1, 1)
    assert cold.sys.submit_unseal_key(reset=True)["progress"] == 0
    assert cold.sys.submit_unseal_key(keys["keys"][0])["progress"] == 1
    assert cold.sys.submit_unseal_keys(keys["keys_base64"][:2])["sealed"] is False
    # A raft server is a standby for a moment; ours answers at once.
    servers.until(lambda: warm.sys.read_health_status().status_code == 200, 20)
    assert warm.is_authenticated()
    warm.sys.seal()
    assert warm.sys.is_sealed()
