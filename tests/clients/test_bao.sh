#!/usr/bin/env bash
# The `bao` command line of OpenBao, as an operator types it.
source ./expect.sh

unset BAO_TOKEN VAULT_TOKEN
holds 'status' "$(bao status)" '^Sealed +false$'
same 'status exit code' "$(bao status >/dev/null; echo $?)" 0
same 'status as JSON' "$(bao status -format=json | jq -r .initialized)" true
same 'not logged in' "$(bao token lookup >/dev/null 2>&1; echo $?)" 2
holds 'login -' "$(printf '%s' "$ROOT_TOKEN" | bao login -)" 'You are now authenticated'
same 'whose token' "$(bao token lookup -format=json | jq -r '.data.policies[0]')" root

# Secrets engines.
holds 'secrets enable' "$(bao secrets enable -path=app -version=2 -description=ours kv)" 'Enabled the kv secrets engine at: app/'
holds 'secrets enable kv-v2' "$(bao secrets enable -path=other kv-v2)" 'at: other/'
same 'secrets list' "$(bao secrets list -format=json | jq -r '."app/".description')" ours
holds 'secrets list as a table' "$(bao secrets list)" '^app/ +kv +kv_'
holds 'secrets list in detail' "$(bao secrets list -detailed)" '^app/ +kv'
holds 'secrets tune' "$(bao secrets tune -default-lease-ttl=1h -max-lease-ttl=2h -description=tuned app)" 'Tuned'
same 'tuned' "$(bao read -format=json sys/mounts/app/tune | jq -c '[.data.default_lease_ttl,.data.max_lease_ttl,.data.description]')" '[3600,7200,"tuned"]'
holds 'secrets disable' "$(bao secrets disable other)" 'Disabled'
same 'disabled' "$(bao secrets list -format=json | jq -r 'has("other/")')" false

# KV.
same 'kv put' "$(bao kv put -format=json -mount=app db user=u password=p | jq -r .data.version)" 1
same 'kv put with the mount in the path' "$(printf 'from stdin' | bao kv put -format=json app/db user=u2 password=- | jq -r .data.version)" 2
same 'kv get -field' "$(bao kv get -field=password app/db)" 'from stdin'
same 'kv get -version' "$(bao kv get -version=1 -field=user -mount=app db)" u
same 'kv get as JSON' "$(bao kv get -format=json app/db | jq -c .data.data)" '{"password":"from stdin","user":"u2"}'
holds 'kv get as a table' "$(bao kv get app/db)" '^user +u2$'
same 'kv put -cas' "$(bao kv put -cas=1 app/db user=x >/dev/null 2>&1; echo $?)" 2
holds 'why' "$(bao kv put -cas=1 app/db user=x 2>&1)" 'check-and-set parameter did not match the current version'
same 'kv patch' "$(bao kv patch -format=json app/db host=h | jq -r .data.version)" 3
same 'patched' "$(bao kv get -format=json app/db | jq -c .data.data)" '{"host":"h","password":"from stdin","user":"u2"}'
bao kv put app/dir/sub k=v >/dev/null
same 'kv list' "$(bao kv list -format=json app | jq -c .)" '["db","dir/"]'
same 'kv list below' "$(bao kv list -format=json app/dir | jq -c .)" '["sub"]'
same 'kv list of nothing' "$(bao kv list app/none >/dev/null 2>&1; echo $?)" 2
same 'kv get of nothing' "$(bao kv get app/none >/dev/null 2>&1; echo $?)" 2
holds 'why not' "$(bao kv get app/none 2>&1)" 'No value found at app/data/none'
same 'kv delete' "$(bao kv delete app/db >/dev/null; echo $?)" 0
same 'deleted' "$(bao kv get -format=json app/db | jq -c .data.data)" null
same 'kv undelete' "$(bao kv undelete -versions=3 app/db >/dev/null; echo $?)" 0
same 'undeleted' "$(bao kv get -field=host app/db)" h
same 'kv delete -versions' "$(bao kv delete -versions=1,2 app/db >/dev/null; echo $?)" 0
same 'kv destroy' "$(bao kv destroy -versions=1 app/db >/dev/null; echo $?)" 0
same 'kv metadata put' "$(bao kv metadata put -max-versions=5 -custom-metadata=owner=ops app/db >/dev/null; echo $?)" 0
same 'kv metadata get' "$(bao kv metadata get -format=json app/db | jq -c '[.data.max_versions,.data.custom_metadata,.data.versions."1".destroyed]')" '[5,{"owner":"ops"},true]'
same 'kv metadata patch' "$(bao kv metadata patch -custom-metadata=team=a app/db >/dev/null; echo $?)" 0
same 'patched metadata' "$(bao kv metadata get -format=json app/db | jq -c .data.custom_metadata)" '{"owner":"ops","team":"a"}'
same 'kv rollback' "$(bao kv rollback -format=json -version=3 app/db | jq -r .data.version)" 4
same 'kv metadata delete' "$(bao kv metadata delete app/db >/dev/null; echo $?)" 0
same 'all gone' "$(bao kv list -format=json app | jq -c .)" '["dir/"]'

# Read, write, list, delete.
same 'write' "$(printf '{"data":{"k":"v"}}' | bao write -format=json app/data/raw - | jq -r .data.version)" 1
same 'read' "$(bao read -format=json app/data/raw | jq -r .data.data.k)" v
same 'read -field' "$(bao read -field=max_versions app/config)" 0
same 'list' "$(bao list -format=json app/metadata | jq -c .)" '["dir/","raw"]'
same 'delete' "$(bao delete app/data/raw >/dev/null; echo $?)" 0
same 'read of nothing' "$(bao read app/data/none >/dev/null 2>&1; echo $?)" 2
holds 'path-help' "$(bao path-help app/data/x)" '.'
holds 'path-help of a mount' "$(bao path-help app)" '.'

# Policies.
holds 'policy write' "$(printf 'path "app/data/*" { capabilities = ["read"] }' | bao policy write app -)" 'Success! Uploaded policy: app'
same 'policy read' "$(bao policy read app)" 'path "app/data/*" { capabilities = ["read"] }'
holds 'policy list' "$(bao policy list)" '^app$'
same 'a bad policy' "$(printf 'path "x" { capabilities = ["banana"] }' | bao policy write bad - >/dev/null 2>&1; echo $?)" 2
bao policy write gone - <<<'path "x" { capabilities = ["read"] }' >/dev/null
holds 'policy delete' "$(bao policy delete gone)" 'Success'
same 'policy read of nothing' "$(bao policy read gone >/dev/null 2>&1; echo $?)" 2

# AppRole.
holds 'auth enable' "$(bao auth enable approle)" 'Enabled approle auth method at: approle/'
same 'auth list' "$(bao auth list -format=json | jq -r '."approle/".type')" approle
holds 'auth list as a table' "$(bao auth list)" '^approle/ +approle'
holds 'auth tune' "$(bao auth tune -default-lease-ttl=1h approle)" 'Tuned'
holds 'role' "$(bao write auth/approle/role/svc token_policies=app token_ttl=10m)" 'Success! Data written to: auth/approle/role/svc'
same 'role reads back' "$(bao read -format=json auth/approle/role/svc | jq -c '[.data.token_policies,.data.token_ttl]')" '[["app"],600]'
same 'roles' "$(bao list -format=json auth/approle/role | jq -c .)" '["svc"]'
ROLE_ID=$(bao read -field=role_id auth/approle/role/svc/role-id)
SECRET_ID=$(bao write -f -field=secret_id auth/approle/role/svc/secret-id)
SERVICE=$(bao write -field=token auth/approle/login role_id="$ROLE_ID" secret_id="$SECRET_ID")
same 'approle login' "$(BAO_TOKEN=$SERVICE bao token lookup -format=json | jq -c .data.policies)" '["app","default"]'
same 'the service reads' "$(BAO_TOKEN=$SERVICE bao kv get -field=k app/dir/sub)" v
same 'the service writes not' "$(BAO_TOKEN=$SERVICE bao kv put app/dir/sub k=w >/dev/null 2>&1; echo $?)" 2
holds 'why' "$(BAO_TOKEN=$SERVICE bao kv put app/dir/sub k=w 2>&1)" 'permission denied'
same 'a wrong SecretID' "$(bao write auth/approle/login role_id="$ROLE_ID" secret_id=wrong >/dev/null 2>&1; echo $?)" 2
same 'token capabilities of oneself' "$(BAO_TOKEN=$SERVICE bao token capabilities app/data/x)" read
same 'token capabilities of another' "$(bao token capabilities "$SERVICE" app/data/x)" read

# Tokens.
MADE=$(bao token create -format=json -policy=app -ttl=1h -display-name=tool -metadata=k=v)
TOKEN=$(jq -r .auth.client_token <<<"$MADE")
ACCESSOR=$(jq -r .auth.accessor <<<"$MADE")
same 'token create' "$(jq -c '[.auth.policies,.auth.lease_duration]' <<<"$MADE")" '[["app","default"],3600]'
same 'token lookup' "$(bao token lookup -format=json "$TOKEN" | jq -r .data.display_name)" token-tool
same 'token lookup -accessor' "$(bao token lookup -format=json -accessor "$ACCESSOR" | jq -r .data.meta.k)" v
same 'capabilities by accessor' "$(bao write -format=json sys/capabilities-accessor accessor="$ACCESSOR" paths=app/data/x | jq -c .data.capabilities)" '["read"]'
same 'token renew' "$(bao token renew -format=json -increment=30m "$TOKEN" | jq -r .auth.lease_duration)" 1800
same 'token renew of oneself' "$(BAO_TOKEN=$TOKEN bao token renew -format=json -increment=40m | jq -r .auth.lease_duration)" 2400
same 'token renew -accessor' "$(bao token renew -format=json -increment=50m -accessor "$ACCESSOR" | jq -r .auth.lease_duration)" 3000
holds 'accessors' "$(bao list -format=json auth/token/accessors | jq -r '.[]')" "^$ACCESSOR\$"
holds 'token revoke -accessor' "$(bao token revoke -accessor "$ACCESSOR")" 'Success'
same 'revoked' "$(bao token lookup "$TOKEN" >/dev/null 2>&1; echo $?)" 2
holds 'token revoke' "$(bao token revoke "$SERVICE")" 'Success'
same 'revoked service' "$(BAO_TOKEN=$SERVICE bao kv get app/dir/sub >/dev/null 2>&1; echo $?)" 2
same 'a periodic orphan' "$(bao token create -format=json -orphan -period=1h -policy=app | jq -c '[.auth.orphan,.auth.lease_duration]')" '[true,3600]'
same 'a token of one use' "$(T=$(bao token create -field=token -use-limit=1 -policy=app); BAO_TOKEN=$T bao token lookup >/dev/null; BAO_TOKEN=$T bao token lookup >/dev/null 2>&1; echo $?)" 2
holds 'auth disable' "$(bao auth disable approle)" 'Success'
same 'token revoke -self' "$(T=$(bao token create -field=token -policy=app); BAO_TOKEN=$T bao token revoke -self >/dev/null; BAO_TOKEN=$T bao token lookup >/dev/null 2>&1; echo $?)" 2

# A sealed server.
export BAO_ADDR=$SEALED_ADDR VAULT_ADDR=$SEALED_ADDR
if [ -n "$SEALED_CACERT" ]; then export BAO_CACERT=$SEALED_CACERT VAULT_CACERT=$SEALED_CACERT; fi
same 'status of an uninitialised server' "$(bao status >/dev/null; echo $?)" 2
same 'operator init -status' "$(bao operator init -status >/dev/null; echo $?)" 2
INIT=$(bao operator init -format=json -key-shares=3 -key-threshold=2)
same 'operator init' "$(jq -c '[.unseal_threshold,(.unseal_keys_b64|length),(.unseal_keys_hex|length)]' <<<"$INIT")" '[2,3,3]'
same 'operator init -status after' "$(bao operator init -status >/dev/null; echo $?)" 0
same 'status sealed' "$(bao status -format=json | jq -c '[.initialized,.sealed,.t,.n]')" '[true,true,2,3]'
same 'operator unseal' "$(bao operator unseal -format=json "$(jq -r '.unseal_keys_b64[0]' <<<"$INIT")" | jq -c '[.sealed,.progress]')" '[true,1]'
same 'operator unseal -reset' "$(bao operator unseal -format=json -reset | jq -r .progress)" 0
bao operator unseal "$(jq -r '.unseal_keys_b64[0]' <<<"$INIT")" >/dev/null
same 'operator unseal with the second' "$(bao operator unseal -format=json "$(jq -r '.unseal_keys_hex[2]' <<<"$INIT")" | jq -r .sealed)" false
BAO_TOKEN=$(jq -r .root_token <<<"$INIT")
export BAO_TOKEN
for _ in $(seq 100); do bao token lookup >/dev/null 2>&1 && break; sleep 0.1; done # raft is a standby for a moment
same 'the root token of init' "$(bao token lookup -format=json | jq -r .data.path)" auth/token/root
holds 'operator seal' "$(bao operator seal)" 'Success! (OpenBao|Vault) is sealed'
same 'sealed again' "$(bao status -format=json | jq -r .sealed)" true
finish
