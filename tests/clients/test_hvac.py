"""hvac, the Python client: what its documentation shows, against a server that it believes to be Vault."""

import os
import time

import hvac
from hvac.exceptions import Forbidden, InvalidPath, InvalidRequest, VaultDown, VaultNotInitialized

from expect import finish, holds, raises, same

ADDRESS, ROOT = os.environ["VAULT_ADDR"], os.environ["ROOT_TOKEN"]
VERIFY = os.environ.get("VAULT_CACERT", True)
client = hvac.Client(url=ADDRESS, token=ROOT, verify=VERIFY)


def with_token(token, address=ADDRESS, verify=VERIFY):
    return hvac.Client(url=address, token=token, verify=verify)


# The server's state.
holds("is_authenticated with root", client.is_authenticated())
same("is_authenticated with none", with_token("s.nosuchtokennosuchtoken00").is_authenticated(), False)
holds("is_initialized", client.sys.is_initialized())
same("is_sealed", client.sys.is_sealed(), False)
same("health by HEAD", client.sys.read_health_status().status_code, 200)
same("health by GET", client.sys.read_health_status(method="GET")["initialized"], True)
same("seal status", client.seal_status["sealed"], False)
holds("leader status", "ha_enabled" in client.sys.read_leader_status())

# Secrets engines.
client.sys.enable_secrets_engine("kv", path="app", options={"version": "2"}, description="of the app")
mounts = client.sys.list_mounted_secrets_engines()
same("mount in data", mounts["data"]["app/"]["type"], "kv")
same("mount beside data", mounts["app/"]["options"]["version"], "2")
same("description", mounts["data"]["app/"]["description"], "of the app")
client.sys.tune_mount_configuration("app", default_lease_ttl="1h", max_lease_ttl="2h")
same("tuned", client.sys.read_mount_configuration("app")["data"]["max_lease_ttl"], 7200)
raises("the same path twice", InvalidRequest, client.sys.enable_secrets_engine, "kv", path="app", options={"version": "2"})
client.sys.enable_secrets_engine("kv-v2", path="short")
same("kv-v2", client.sys.list_mounted_secrets_engines()["data"]["short/"]["type"], "kv")
client.sys.disable_secrets_engine("short")
holds("disabled", "short/" not in client.sys.list_mounted_secrets_engines()["data"])

# KV version 2.
kv = client.secrets.kv.v2
kv.configure(max_versions=5, mount_point="app")
same("configured", kv.read_configuration(mount_point="app")["data"]["max_versions"], 5)
written = kv.create_or_update_secret("db", {"user": "u", "password": "p", "port": 5432, "on": True}, mount_point="app")
same("first version", written["data"]["version"], 1)
read = kv.read_secret_version("db", mount_point="app", raise_on_deleted_version=True)
same("read", read["data"]["data"], {"user": "u", "password": "p", "port": 5432, "on": True})
same("read version", read["data"]["metadata"]["version"], 1)
same("cas", kv.create_or_update_secret("db", {"user": "u2"}, cas=1, mount_point="app")["data"]["version"], 2)
raises("stale cas", InvalidRequest, kv.create_or_update_secret, "db", {"user": "u3"}, cas=1, mount_point="app")
same("patch", kv.patch("db", {"host": "h"}, mount_point="app")["data"]["version"], 3)
same("patched", kv.read_secret_version("db", mount_point="app", raise_on_deleted_version=True)["data"]["data"],
     {"user": "u2", "host": "h"})
same("old version", kv.read_secret_version("db", version=1, mount_point="app", raise_on_deleted_version=True)["data"]["data"]["user"], "u")
raises("absent", InvalidPath, kv.read_secret_version, "none", mount_point="app", raise_on_deleted_version=True)
kv.create_or_update_secret("dir/sub/deep", {"k": "v"}, mount_point="app")
same("list", kv.list_secrets("", mount_point="app")["data"]["keys"], ["db", "dir/"])
same("list below", kv.list_secrets("dir", mount_point="app")["data"]["keys"], ["sub/"])
raises("list nothing", InvalidPath, kv.list_secrets, "none", mount_point="app")
kv.update_metadata("db", max_versions=4, custom_metadata={"owner": "ops"}, mount_point="app")
metadata = kv.read_secret_metadata("db", mount_point="app")["data"]
same("custom metadata", metadata["custom_metadata"], {"owner": "ops"})
same("versions", sorted(metadata["versions"]), ["1", "2", "3"])
kv.delete_latest_version_of_secret("db", mount_point="app")
raises("deleted", InvalidPath, kv.read_secret_version, "db", mount_point="app", raise_on_deleted_version=True)
deleted = kv.read_secret_version("db", mount_point="app", raise_on_deleted_version=False)
same("deleted, as data", deleted["data"]["data"], None)
holds("deletion time", deleted["data"]["metadata"]["deletion_time"])
kv.undelete_secret_versions("db", [3], mount_point="app")
same("undeleted", kv.read_secret_version("db", mount_point="app", raise_on_deleted_version=True)["data"]["metadata"]["version"], 3)
kv.delete_secret_versions("db", [1], mount_point="app")
kv.destroy_secret_versions("db", [2], mount_point="app")
versions = kv.read_secret_metadata("db", mount_point="app")["data"]["versions"]
same("destroyed", versions["2"]["destroyed"], True)
holds("deleted by number", versions["1"]["deletion_time"])
kv.delete_metadata_and_all_versions("db", mount_point="app")
raises("all gone", InvalidPath, kv.read_secret_metadata, "db", mount_point="app")
same("raw read", client.read("app/data/dir/sub/deep")["data"]["data"], {"k": "v"})
same("raw read of nothing", client.read("app/data/none"), None)
same("raw list", client.list("app/metadata")["data"]["keys"], ["dir/"])
client.write_data("app/data/raw", data={"data": {"k": "raw"}})
same("raw write", client.read("app/data/raw")["data"]["data"], {"k": "raw"})
client.delete("app/data/raw")

# Policies.
client.sys.create_or_update_policy("app", 'path "app/data/*" { capabilities = ["read"] }')
same("policy", client.sys.read_policy("app")["data"]["rules"], 'path "app/data/*" { capabilities = ["read"] }')
holds("policies", "app" in client.sys.list_policies()["data"]["policies"])
holds("acl policies", "app" in client.sys.list_acl_policies()["data"]["keys"])
client.sys.create_or_update_acl_policy("gone", 'path "x" { capabilities = ["read"] }')
client.sys.delete_policy("gone")
raises("deleted policy", InvalidPath, client.sys.read_policy, "gone")
raises("bad policy", InvalidRequest, client.sys.create_or_update_policy, "bad", 'path "x" { capabilities = ["banana"] }')

# AppRole.
client.sys.enable_auth_method("approle")
holds("auth methods", "approle/" in client.sys.list_auth_methods()["data"])
client.sys.tune_auth_method("approle", default_lease_ttl="1h")
same("tuned method", client.sys.read_auth_method_tuning("approle")["data"]["default_lease_ttl"], 3600)
approle = client.auth.approle
approle.create_or_update_approle("svc", token_policies=["app"], token_ttl="10m", token_max_ttl="20m", secret_id_num_uses=2)
same("role", approle.read_role("svc")["data"]["token_policies"], ["app"])
same("roles", approle.list_roles()["data"]["keys"], ["svc"])
role_id = approle.read_role_id("svc")["data"]["role_id"]
secret = approle.generate_secret_id("svc", metadata={"env": "test"})["data"]
same("accessors", approle.list_secret_id_accessors("svc")["data"]["keys"], [secret["secret_id_accessor"]])
same("metadata", approle.read_secret_id("svc", secret["secret_id"])["data"]["metadata"], {"env": "test"})
same("by accessor", approle.read_secret_id_accessor("svc", secret["secret_id_accessor"])["data"]["secret_id_accessor"],
     secret["secret_id_accessor"])
service = hvac.Client(url=ADDRESS, verify=VERIFY)
login = service.auth.approle.login(role_id, secret["secret_id"])
same("policies of the login", login["auth"]["policies"], ["app", "default"])
same("metadata of the login", login["auth"]["metadata"]["role_name"], "svc")
same("lifetime of the login", login["auth"]["lease_duration"], 600)
holds("is_authenticated as the service", service.is_authenticated())
same("the service reads", service.secrets.kv.v2.read_secret_version("dir/sub/deep", mount_point="app", raise_on_deleted_version=True)
     ["data"]["data"], {"k": "v"})
raises("the service writes not", Forbidden, service.secrets.kv.v2.create_or_update_secret, "dir/x", {"k": "v"}, mount_point="app")
raises("a wrong SecretID", InvalidRequest, hvac.Client(url=ADDRESS, verify=VERIFY).auth.approle.login, role_id, "wrong")
approle.destroy_secret_id_accessor("svc", secret["secret_id_accessor"])
raises("a destroyed SecretID", InvalidRequest, hvac.Client(url=ADDRESS, verify=VERIFY).auth.approle.login, role_id, secret["secret_id"])
service.logout(revoke_token=True)
same("logged out", service.is_authenticated(), False)
approle.delete_role("svc")
raises("deleted role", InvalidPath, approle.read_role, "svc")

# Tokens.
token = client.auth.token
made = token.create(policies=["app"], ttl="1h", display_name="tool", meta={"k": "v"})["auth"]
same("made policies", made["policies"], ["app", "default"])
looked = with_token(made["client_token"]).lookup_token()["data"]
same("display name", looked["display_name"], "token-tool")
same("metadata", looked["meta"], {"k": "v"})
holds("expiry", looked["expire_time"])
same("look up", token.lookup(made["client_token"])["data"]["accessor"], made["accessor"])
same("look up by accessor", token.lookup_accessor(made["accessor"])["data"]["display_name"], "token-tool")
holds("accessors", made["accessor"] in token.list_accessors()["data"]["keys"])
same("renew", token.renew(made["client_token"], increment="30m")["auth"]["lease_duration"], 1800)
same("renew oneself", with_token(made["client_token"]).auth.token.renew_self(increment="40m")["auth"]["lease_duration"], 2400)
same("renew by accessor", token.renew_accessor(made["accessor"], increment="50m")["auth"]["lease_duration"], 3000)
same("capabilities", with_token(made["client_token"]).sys.get_capabilities(["app/data/x"])["data"]["capabilities"], ["read"])
same("capabilities of another", client.sys.get_capabilities(["app/data/x"], token=made["client_token"])["data"]["capabilities"], ["read"])
same("capabilities by accessor", client.sys.get_capabilities(["app/data/x"], accessor=made["accessor"])["data"]["app/data/x"], ["read"])
orphan = token.create_orphan(policies=["app"], ttl="5m")["auth"]
same("orphan", token.lookup(orphan["client_token"])["data"]["orphan"], True)
token.revoke_accessor(made["accessor"])
raises("revoked by accessor", Forbidden, token.lookup, made["client_token"])
token.revoke(orphan["client_token"])
raises("revoked", Forbidden, token.lookup, orphan["client_token"])
once = token.create(policies=["app"], num_uses=1, ttl="5m")["auth"]["client_token"]
holds("the only use", with_token(once).lookup_token())
raises("spent", Forbidden, with_token(once).lookup_token)
raises("without a token", Forbidden, hvac.Client(url=ADDRESS, verify=VERIFY).sys.list_mounted_secrets_engines)
client.sys.disable_auth_method("approle")
holds("method disabled", "approle/" not in client.sys.list_auth_methods()["data"])

# A sealed server.
SEALED, SEALED_VERIFY = os.environ["SEALED_ADDR"], os.environ["SEALED_CACERT"] or True
cold = with_token(None, SEALED, SEALED_VERIFY)
same("not initialised", cold.sys.is_initialized(), False)
same("health before init", cold.sys.read_health_status().status_code, 501)
keys = cold.sys.initialize(secret_shares=3, secret_threshold=2)
same("shares", len(keys["keys"]), 3)
same("shares in base64", len(keys["keys_base64"]), 3)
same("sealed", cold.sys.is_sealed(), True)
raises("a read of a sealed server", VaultDown, with_token(keys["root_token"], SEALED, SEALED_VERIFY).sys.list_policies)
raises("init again", InvalidRequest, cold.sys.initialize, 1, 1)
same("progress", cold.sys.submit_unseal_key(keys["keys"][0])["progress"], 1)
same("reset", cold.sys.submit_unseal_key(reset=True)["progress"], 0)
same("unsealed", cold.sys.submit_unseal_keys(keys["keys_base64"][:2])["sealed"], False)
warm = with_token(keys["root_token"], SEALED, SEALED_VERIFY)
for _ in range(100):  # a raft server is a standby for a moment; ours answers at once
    if warm.sys.read_health_status().status_code == 200:
        break
    time.sleep(0.1)
holds("root of init", warm.is_authenticated())
warm.sys.seal()
same("sealed again", warm.sys.is_sealed(), True)
finish()
