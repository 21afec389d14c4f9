#!/usr/bin/env bash
# curl and jq, as scripts in the field call the API: no content type, -X PUT or POST, status by -w.
source ./expect.sh

call() { curl -sS -H "X-Vault-Token: $ROOT_TOKEN" "$@"; }
code() { call -o /dev/null -w '%{http_code}' "$@"; }
A=$VAULT_ADDR/v1

same 'health' "$(curl -sS "$A/sys/health" | jq -r .sealed)" false
same 'health code' "$(curl -sS -o /dev/null -w '%{http_code}' "$A/sys/health")" 200
same 'seal status' "$(curl -sS "$A/sys/seal-status" | jq -r .initialized)" true
same 'init' "$(curl -sS "$A/sys/init" | jq -c .)" '{"initialized":true}'
same 'no token' "$(curl -sS "$A/sys/mounts" | jq -c .)" '{"errors":["permission denied"]}'
same 'bearer' "$(curl -sS -H "Authorization: Bearer $ROOT_TOKEN" "$A/auth/token/lookup-self" | jq -r '.data.policies[0]')" root
holds 'not to be stored' "$(curl -sSI "$A/sys/health" | tr -d '\r')" '^[Cc]ache-[Cc]ontrol: no-store$'

same 'enable' "$(code -X POST -d '{"type":"kv","options":{"version":"2"}}' "$A/sys/mounts/curl")" 204
same 'write' "$(call -X POST -d '{"data":{"password":"p"}}' "$A/curl/data/db" | jq -r .data.version)" 1
same 'write by PUT' "$(call -X PUT -d '{"data":{"password":"q"}}' "$A/curl/data/db" | jq -r .data.version)" 2
same 'read' "$(call "$A/curl/data/db" | jq -r .data.data.password)" q
same 'read a version' "$(call "$A/curl/data/db?version=1" | jq -r .data.data.password)" p
same 'list by verb' "$(call -X LIST "$A/curl/metadata" | jq -c .data.keys)" '["db"]'
same 'list by query' "$(call "$A/curl/metadata?list=true" | jq -c .data.keys)" '["db"]'
same 'patch' "$(call -X PATCH -H 'Content-Type: application/merge-patch+json' -d '{"data":{"host":"h"}}' "$A/curl/data/db" | jq -r .data.version)" 3
same 'patched' "$(call "$A/curl/data/db" | jq -cS .data.data)" '{"host":"h","password":"q"}'
same 'absent' "$(code "$A/curl/data/none")" 404
same 'delete' "$(code -X DELETE "$A/curl/data/db")" 204
same 'deleted' "$(call "$A/curl/data/db" | jq -c .data.data)" null
same 'stale cas' "$(call -d '{"data":{"a":1},"options":{"cas":1}}' "$A/curl/data/db" | jq -r '.errors[0]')" 'check-and-set parameter did not match the current version'

same 'policy' "$(code -X PUT -d '{"policy":"path \"curl/data/*\" { capabilities = [\"read\"] }"}' "$A/sys/policies/acl/curl")" 204
same 'approle' "$(code -d '{"type":"approle"}' "$A/sys/auth/approle")" 204
same 'role' "$(code -d '{"token_policies":"curl"}' "$A/auth/approle/role/svc")" 204
ROLE_ID=$(call "$A/auth/approle/role/svc/role-id" | jq -r .data.role_id)
SECRET_ID=$(call -X POST "$A/auth/approle/role/svc/secret-id" | jq -r .data.secret_id)
TOKEN=$(curl -sS -d "{\"role_id\":\"$ROLE_ID\",\"secret_id\":\"$SECRET_ID\"}" "$A/auth/approle/login" | jq -r .auth.client_token)
same 'the service is refused' "$(curl -sS -H "X-Vault-Token: $TOKEN" -o /dev/null -w '%{http_code}' "$A/sys/mounts")" 403
same 'the service reads' "$(curl -sS -H "X-Vault-Token: $TOKEN" -o /dev/null -w '%{http_code}' "$A/curl/data/none")" 404
same 'capabilities' "$(curl -sS -H "X-Vault-Token: $TOKEN" -d '{"path":"curl/data/db"}' "$A/sys/capabilities-self" | jq -c .data.capabilities)" '["read"]'
same 'revoke' "$(curl -sS -H "X-Vault-Token: $TOKEN" -X POST -o /dev/null -w '%{http_code}' "$A/auth/token/revoke-self")" 204
same 'revoked' "$(curl -sS -H "X-Vault-Token: $TOKEN" -o /dev/null -w '%{http_code}' "$A/curl/data/db")" 403
if [ "$AGAINST" = strongroom ]; then
  same 'the certificate is checked' "$(CURL_CA_BUNDLE= curl -sS "$A/sys/health" >/dev/null 2>&1; echo $?)" 60
  holds 'plain HTTP to the TLS port' "$(curl -sS "${A/https/http}/sys/health" 2>&1; echo "exit $?")" '^(exit [1-9]|.*(HTTPS|TLS))'
fi
finish
