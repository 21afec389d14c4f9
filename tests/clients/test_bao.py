"""The `bao` command line of OpenBao, as an operator types it."""

import re

import pytest

import servers
from tests.clients.process import Bao


@pytest.fixture
def bao(server, folder):
    return Bao(server, folder, server.root_token)


@pytest.fixture
def cold(sealed, folder):
    return Bao(sealed, folder)


def has_line(pattern, text):
    return re.search(f"^{pattern}$", text, re.MULTILINE) is not None


# Status and login.


def test_status_says_that_it_is_open(bao):
    assert has_line("Sealed +false", bao("status"))
    assert bao.json("status")["initialized"] is True


def test_who_is_not_logged_in_is_refused(server, folder):
    assert "denied" in Bao(server, folder).refusal("token lookup")


def test_a_login_is_remembered(server, folder):
    bao = Bao(server, folder)
    assert "You are now authenticated" in bao("login -", stdin=server.root_token)
    assert bao.json("token lookup")["data"]["policies"] == ["root"]


# Secrets engines.


def test_a_secrets_engine_is_enabled_and_listed(bao, name):
    told = bao("secrets enable", f"-path={name}", "-version=2", "-description=ours", "kv")
    assert f"Enabled the kv secrets engine at: {name}/" in told
    assert bao.json("secrets list")[f"{name}/"]["description"] == "ours"
    assert has_line(f"{name}/ +kv +kv_.*", bao("secrets list"))
    assert has_line(f"{name}/ +kv .*", bao("secrets list", "-detailed"))


def test_kv_v2_is_a_kind_of_its_own_name(bao, name):
    assert f"at: {name}/" in bao("secrets enable", f"-path={name}", "kv-v2")
    assert bao.json("secrets list")[f"{name}/"]["options"] == {"version": "2"}


def test_a_secrets_engine_is_tuned(bao, secrets_at):
    bao("secrets tune", "-default-lease-ttl=1h", "-max-lease-ttl=2h", "-description=tuned", secrets_at)
    tuned = bao.json("read", f"sys/mounts/{secrets_at}/tune")["data"]
    assert (tuned["default_lease_ttl"], tuned["max_lease_ttl"], tuned["description"]) == (3600, 7200, "tuned")


def test_a_disabled_secrets_engine_is_gone(bao, secrets_at):
    assert "Disabled" in bao("secrets disable", secrets_at)
    assert f"{secrets_at}/" not in bao.json("secrets list")


# KV.


def test_kv_put_counts_versions(bao, secrets_at):
    assert bao.json("kv put", f"-mount={secrets_at}", "new", "user=u", "password=p")["data"]["version"] == 1
    assert bao.json("kv put", f"{secrets_at}/new", "user=u2", "password=-", stdin="from stdin")["data"]["version"] == 2
    assert bao("kv get", "-field=password", f"{secrets_at}/new") == "from stdin"
    assert bao("kv get", "-version=1", "-field=user", f"-mount={secrets_at}", "new") == "u"


def test_kv_get_shows_json_and_a_table(bao, secrets_at):
    assert bao.json("kv get", f"{secrets_at}/db")["data"]["data"] == {"user": "u", "password": "p"}
    assert has_line("user +u", bao("kv get", f"{secrets_at}/db"))


def test_a_stale_cas_is_refused_with_its_reason(bao, secrets_at):
    bao("kv put", f"{secrets_at}/db", "user=u2")
    told = bao.refusal("kv put", "-cas=1", f"{secrets_at}/db", "user=x")
    assert "check-and-set parameter did not match the current version" in told


def test_kv_patch_changes_one_key(bao, secrets_at):
    assert bao.json("kv patch", f"{secrets_at}/db", "host=h")["data"]["version"] == 2
    assert bao.json("kv get", f"{secrets_at}/db")["data"]["data"] == {"host": "h", "user": "u", "password": "p"}


def test_kv_list_shows_folders(bao, secrets_at):
    assert bao.json("kv list", secrets_at) == ["db", "dir/"]
    assert bao.json("kv list", f"{secrets_at}/dir") == ["sub"]
    bao.refusal("kv list", f"{secrets_at}/none")


def test_kv_get_of_nothing_says_so(bao, secrets_at):
    assert f"No value found at {secrets_at}/data/none" in bao.refusal("kv get", f"{secrets_at}/none")


def test_a_deleted_version_comes_back(bao, secrets_at):
    bao("kv delete", f"{secrets_at}/db")
    assert bao.json("kv get", f"{secrets_at}/db")["data"]["data"] is None
    bao("kv undelete", "-versions=1", f"{secrets_at}/db")
    assert bao("kv get", "-field=user", f"{secrets_at}/db") == "u"


def test_a_destroyed_version_is_marked(bao, secrets_at):
    bao("kv put", f"{secrets_at}/db", "user=u2")
    bao("kv delete", "-versions=1,2", f"{secrets_at}/db")
    bao("kv destroy", "-versions=1", f"{secrets_at}/db")
    assert bao.json("kv metadata get", f"{secrets_at}/db")["data"]["versions"]["1"]["destroyed"] is True


def test_kv_metadata_is_put_and_patched(bao, secrets_at):
    bao("kv metadata put", "-max-versions=5", "-custom-metadata=owner=ops", f"{secrets_at}/db")
    found = bao.json("kv metadata get", f"{secrets_at}/db")["data"]
    assert (found["max_versions"], found["custom_metadata"]) == (5, {"owner": "ops"})
    bao("kv metadata patch", "-custom-metadata=team=a", f"{secrets_at}/db")
    assert bao.json("kv metadata get", f"{secrets_at}/db")["data"]["custom_metadata"] == {"owner": "ops", "team": "a"}


def test_kv_rollback_writes_the_old_version_anew(bao, secrets_at):
    bao("kv put", f"{secrets_at}/db", "user=u2")
    assert bao.json("kv rollback", "-version=1", f"{secrets_at}/db")["data"]["version"] == 3
    assert bao("kv get", "-field=user", f"{secrets_at}/db") == "u"


def test_kv_metadata_delete_takes_all_of_a_secret(bao, secrets_at):
    bao("kv metadata delete", f"{secrets_at}/db")
    assert bao.json("kv list", secrets_at) == ["dir/"]


# Read, write, list, delete, path-help.


def test_a_secret_is_written_and_read_by_its_path(bao, secrets_at):
    path = f"{secrets_at}/data/raw"
    assert bao.json("write", path, "-", stdin='{"data":{"k":"v"}}')["data"]["version"] == 1
    assert bao.json("read", path)["data"]["data"] == {"k": "v"}
    assert bao("read", "-field=max_versions", f"{secrets_at}/config") == "0"
    assert bao.json("list", f"{secrets_at}/metadata") == ["db", "dir/", "raw"]
    bao("delete", path)
    assert bao.json("read", path)["data"]["data"] is None
    bao.refusal("read", f"{secrets_at}/data/none")


@pytest.mark.parametrize("below", ["", "/data/x"])
def test_a_path_has_help(bao, secrets_at, below):
    assert len(bao("path-help", f"{secrets_at}{below}")) > 20


# Policies.


def test_a_policy_reads_back_as_it_was_written(bao, name):
    rules = 'path "app/data/*" { capabilities = ["read"] }'
    assert f"Success! Uploaded policy: {name}" in bao("policy write", name, "-", stdin=rules)
    assert bao("policy read", name) == rules
    assert has_line(name, bao("policy list"))
    assert "Success" in bao("policy delete", name)
    bao.refusal("policy read", name)


def test_a_policy_with_an_unknown_capability_is_refused(bao, name):
    assert "banana" in bao.refusal("policy write", name, "-", stdin='path "x" { capabilities = ["banana"] }')


# AppRole.


def test_an_approle_is_enabled_filled_and_disabled(bao, name):
    assert f"Enabled approle auth method at: {name}/" in bao("auth enable", f"-path={name}", "approle")
    assert bao.json("auth list")[f"{name}/"]["type"] == "approle"
    assert has_line(f"{name}/ +approle .*", bao("auth list"))
    bao("auth tune", "-default-lease-ttl=1h", name)
    path = f"auth/{name}/role/svc"
    assert f"Success! Data written to: {path}" in bao("write", path, "token_policies=app", "token_ttl=10m")
    role = bao.json("read", path)["data"]
    assert (role["token_policies"], role["token_ttl"]) == (["app"], 600)
    assert bao.json("list", f"auth/{name}/role") == ["svc"]
    assert "Success" in bao("auth disable", name)
    assert f"{name}/" not in bao.json("auth list")


@pytest.fixture
def service(bao, role):
    """A token of the role, as `bao` gets one."""
    role_id = bao("read", "-field=role_id", role.path("role/svc/role-id"))
    secret_id = bao("write", "-f", "-field=secret_id", role.path("role/svc/secret-id"))
    return bao("write", "-field=token", role.path("login"), f"role_id={role_id}", f"secret_id={secret_id}")


def test_a_service_may_read_and_not_write(bao, service, reader):
    as_service = bao.with_token(service)
    assert as_service.json("token lookup")["data"]["policies"] == sorted([reader, "default"])
    assert as_service("kv get", "-field=k", f"{reader}/dir/sub") == "v"
    assert "permission denied" in as_service.refusal("kv put", f"{reader}/dir/sub", "k=w")


def test_a_wrong_secret_id_is_refused(bao, role):
    told = bao.refusal("write", role.path("login"), f"role_id={role.role_id}", "secret_id=wrong")
    assert "invalid role or secret ID" in told


def test_capabilities_are_told(bao, service, reader):
    path = f"{reader}/data/x"
    assert bao.with_token(service)("token capabilities", path) == "read"
    assert bao("token capabilities", service, path) == "read"
    accessor = bao.json("token lookup", service)["data"]["accessor"]
    told = bao.json("write", "sys/capabilities-accessor", f"accessor={accessor}", f"paths={path}")
    assert told["data"]["capabilities"] == ["read"]


# Tokens.


@pytest.fixture
def made(bao, reader):
    return bao.json("token create", f"-policy={reader}", "-ttl=1h", "-display-name=tool", "-metadata=k=v")["auth"]


def test_a_token_is_created_and_looked_up(bao, made, reader):
    assert (made["policies"], made["lease_duration"]) == (sorted([reader, "default"]), 3600)
    assert bao.json("token lookup", made["client_token"])["data"]["display_name"] == "token-tool"
    assert bao.json("token lookup", "-accessor", made["accessor"])["data"]["meta"] == {"k": "v"}
    assert made["accessor"] in bao.json("list", "auth/token/accessors")


def test_a_token_is_renewed_in_three_ways(bao, made):
    def secs(renewed):
        return renewed["auth"]["lease_duration"]

    assert secs(bao.json("token renew", "-increment=30m", made["client_token"])) == 1800
    assert secs(bao.with_token(made["client_token"]).json("token renew", "-increment=40m")) == 2400
    assert secs(bao.json("token renew", "-increment=50m", "-accessor", made["accessor"])) == 3000


def test_a_token_revoked_in_each_way_is_dead(bao, made, service, reader):
    assert "Success" in bao("token revoke", "-accessor", made["accessor"])
    bao.refusal("token lookup", made["client_token"])
    assert "Success" in bao("token revoke", service)
    bao.with_token(service).refusal("kv get", f"{reader}/dir/sub")
    own = bao.with_token(bao("token create", "-field=token", f"-policy={reader}"))
    own("token revoke", "-self")
    own.refusal("token lookup")


def test_a_periodic_orphan_lasts_its_period(bao):
    made = bao.json("token create", "-orphan", "-period=1h", "-policy=default")["auth"]
    assert (made["orphan"], made["lease_duration"]) == (True, 3600)


def test_a_token_of_one_use_works_once(bao):
    once = bao.with_token(bao("token create", "-field=token", "-use-limit=1", "-policy=default"))
    once("token lookup")
    once.refusal("token lookup")


# A sealed server.


def test_init_and_unseal_open_a_fresh_server(cold):
    cold("status", code=2)
    cold("operator init -status", code=2)
    made = cold.json("operator init", "-key-shares=3", "-key-threshold=2")
    assert (made["unseal_threshold"], len(made["unseal_keys_b64"]), len(made["unseal_keys_hex"])) == (2, 3, 3)
    cold("operator init -status")
    state = cold.json("status", code=2)
    assert (state["initialized"], state["sealed"], state["t"], state["n"]) == (True, True, 2, 3)

    def give(share):
        return cold.json("operator unseal", share)

    assert cold.json("operator unseal", "-reset")["progress"] == 0
    first = give(made["unseal_keys_b64"][0])
    assert (first["sealed"], first["progress"]) == (True, 1)
    assert give(made["unseal_keys_hex"][2])["sealed"] is False
    root = cold.with_token(made["root_token"])
    # A raft server is a standby for a moment.
    servers.until(lambda: root.run("token lookup", (), "").returncode == 0, 20)
    assert root.json("token lookup")["data"]["path"] == "auth/token/root"
    assert re.search("Success! (OpenBao|Vault) is sealed", root("operator seal"))
    assert root.json("status", code=2)["sealed"] is True
