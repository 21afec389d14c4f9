// node-vault: what a JavaScript service calls. Node trusts the server's CA through NODE_EXTRA_CA_CERTS.
'use strict';

const assert = require('node:assert');
const makeClient = require('node-vault');

let passed = 0;
const client = (token) => makeClient({ apiVersion: 'v1', endpoint: process.env.VAULT_ADDR, token });

function same(what, got, expected) {
  try {
    assert.deepStrictEqual(got, expected);
  } catch {
    throw new Error(`${what}: expected ${JSON.stringify(expected)}, got ${JSON.stringify(got)}`);
  }
  passed += 1;
}

async function refused(what, status, promise) {
  let got = 'success';
  try {
    await promise;
  } catch (error) {
    got = error.response ? error.response.statusCode : String(error);
  }
  same(what, got, status);
}

async function main() {
  const root = client(process.env.ROOT_TOKEN);
  same('initialised', (await root.initialized()).initialized, true);
  same('status', (await root.status()).sealed, false);
  same('health', (await root.health()).initialized, true);

  await root.mount({ mount_point: 'node', type: 'kv', options: { version: '2' } });
  same('mounts', (await root.mounts()).data['node/'].type, 'kv');
  same('first version', (await root.write('node/data/db', { data: { user: 'u', port: 5432 } })).data.version, 1);
  const read = await root.read('node/data/db');
  same('read', read.data.data, { user: 'u', port: 5432 });
  same('version', read.data.metadata.version, 1);
  same('second version', (await root.update('node/data/db', { data: { user: 'v' } })).data.version, 2);
  same('old version', (await root.read('node/data/db?version=1')).data.data.user, 'u');
  same('list', (await root.list('node/metadata')).data.keys, ['db']);
  await refused('a secret that is not there', 404, root.read('node/data/none'));
  await root.delete('node/data/db');
  await refused('a deleted secret', 404, root.read('node/data/db'));
  await root.write('node/undelete/db', { versions: [2] });
  same('undeleted', (await root.read('node/data/db')).data.data.user, 'v');

  const rules = 'path "node/data/*" { capabilities = ["read"] }';
  await root.addPolicy({ name: 'node', rules });
  same('policy', (await root.getPolicy({ name: 'node' })).data.rules, rules);
  same('policies', (await root.policies()).data.policies.includes('node'), true);

  await root.enableAuth({ mount_point: 'approle', type: 'approle' });
  same('auth methods', (await root.auths()).data['approle/'].type, 'approle');
  await root.addApproleRole({ role_name: 'svc', policies: 'node', token_ttl: 600 });
  same('role', (await root.getApproleRole({ role_name: 'svc' })).data.token_ttl, 600);
  same('roles', (await root.approleRoles()).data.keys, ['svc']);
  const roleId = (await root.getApproleRoleId({ role_name: 'svc' })).data.role_id;
  const secretId = (await root.getApproleRoleSecret({ role_name: 'svc' })).data.secret_id;
  const service = client();
  const login = await service.approleLogin({ role_id: roleId, secret_id: secretId });
  same('policies of the login', login.auth.policies, ['default', 'node']);
  service.token = login.auth.client_token;
  same('the service reads', (await service.read('node/data/db')).data.data.user, 'v');
  await refused('the service writes not', 403, service.write('node/data/db', { data: {} }));
  await refused('a wrong SecretID', 400, client().approleLogin({ role_id: roleId, secret_id: 'wrong' }));
  same('the service looks itself up', (await service.tokenLookupSelf()).data.display_name, 'approle');
  same('the service renews', (await service.tokenRenewSelf()).auth.lease_duration, 600);

  // tokenCreate makes its client the new token's, so it gets a client of its own.
  const made = await client(process.env.ROOT_TOKEN).tokenCreate({ policies: ['node'], ttl: '1h' });
  same('look up', (await root.tokenLookup({ token: made.auth.client_token })).data.accessor, made.auth.accessor);
  same('look up by accessor', (await root.tokenLookupAccessor({ accessor: made.auth.accessor })).data.ttl > 3590, true);
  same('accessors', (await root.tokenAccessors()).data.keys.includes(made.auth.accessor), true);
  await root.tokenRevoke({ token: made.auth.client_token });
  await refused('revoked', 403, client(made.auth.client_token).tokenLookupSelf());
  await service.tokenRevokeSelf();
  await refused('revoked itself', 403, service.read('node/data/db'));

  await root.disableAuth({ mount_point: 'approle' });
  await root.removePolicy({ name: 'node' });
  await refused('policy gone', 404, root.getPolicy({ name: 'node' }));
  await root.unmount({ mount_point: 'node' });
  await refused('mount gone', 404, root.read('node/data/db'));
}

main().then(() => console.log(`${passed} passed, 0 failed`)).catch((error) => {
  console.log(`WRONG ${error.message}\n${passed} passed, 1 failed`);
  process.exit(1);
});
