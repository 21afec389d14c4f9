// node-vault: what a JavaScript service calls. `node test_node_vault.js CASE` runs one case, with what it needs in the
// environment; a wrong value ends it with 1. Node trusts the server's CA through NODE_EXTRA_CA_CERTS.
'use strict';

const assert = require('node:assert');
const makeClient = require('node-vault');

const { ROOT_TOKEN, NAME } = process.env;
const client = (token) => makeClient({ apiVersion: 'v1', endpoint: process.env.VAULT_ADDR, token });
const same = (got, expected) => assert.deepStrictEqual(got, expected);

async function refused(status, promise) {
  const got = await promise.then(() => 'success', (error) => (error.response ? error.response.statusCode : String(error)));
  same(got, status);
}

const cases = {
  async state(root) {
    same((await root.initialized()).initialized, true);
    same((await root.status()).sealed, false);
    same((await root.health()).initialized, true);
  },

  async secrets(root) {
    await root.mount({ mount_point: NAME, type: 'kv', options: { version: '2' } });
    same((await root.mounts()).data[`${NAME}/`].type, 'kv');
    await ready(root, NAME);
    same((await root.write(`${NAME}/data/db`, { data: { user: 'u', port: 5432 } })).data.version, 1);
    const read = await root.read(`${NAME}/data/db`);
    same(read.data.data, { user: 'u', port: 5432 });
    same(read.data.metadata.version, 1);
    same((await root.update(`${NAME}/data/db`, { data: { user: 'v' } })).data.version, 2);
    same((await root.read(`${NAME}/data/db?version=1`)).data.data.user, 'u');
    same((await root.list(`${NAME}/metadata`)).data.keys, ['db']);
    await refused(404, root.read(`${NAME}/data/none`));
    await root.delete(`${NAME}/data/db`);
    await refused(404, root.read(`${NAME}/data/db`));
    await root.write(`${NAME}/undelete/db`, { versions: [2] });
    same((await root.read(`${NAME}/data/db`)).data.data.user, 'v');
    await root.unmount({ mount_point: NAME });
    await refused(404, root.read(`${NAME}/data/db`));
  },

  async policies(root) {
    const rules = 'path "node/data/*" { capabilities = ["read"] }';
    await root.addPolicy({ name: NAME, rules });
    same((await root.getPolicy({ name: NAME })).data.rules, rules);
    same((await root.policies()).data.policies.includes(NAME), true);
    await root.removePolicy({ name: NAME });
    await refused(404, root.getPolicy({ name: NAME }));
  },

  // node-vault's calls know the mount `approle` alone.
  async approle(root) {
    await root.enableAuth({ mount_point: 'approle', type: 'approle' });
    same((await root.auths()).data['approle/'].type, 'approle');
    await root.addPolicy({ name: NAME, rules: `path "${NAME}/data/*" { capabilities = ["read"] }` });
    await root.addApproleRole({ role_name: 'svc', policies: NAME, token_ttl: 600 });
    same((await root.getApproleRole({ role_name: 'svc' })).data.token_ttl, 600);
    same((await root.approleRoles()).data.keys, ['svc']);
    const roleId = (await root.getApproleRoleId({ role_name: 'svc' })).data.role_id;
    const secretId = (await root.getApproleRoleSecret({ role_name: 'svc' })).data.secret_id;
    const service = client();
    const login = await service.approleLogin({ role_id: roleId, secret_id: secretId });
    same(login.auth.policies, [NAME, 'default'].sort());
    service.token = login.auth.client_token;
    await root.mount({ mount_point: NAME, type: 'kv', options: { version: '2' } });
    await ready(root, NAME);
    await root.write(`${NAME}/data/db`, { data: { user: 'v' } });
    same((await service.read(`${NAME}/data/db`)).data.data.user, 'v');
    await refused(403, service.write(`${NAME}/data/db`, { data: {} }));
    await refused(400, client().approleLogin({ role_id: roleId, secret_id: 'wrong' }));
    same((await service.tokenLookupSelf()).data.display_name, 'approle');
    same((await service.tokenRenewSelf()).auth.lease_duration, 600);
    await service.tokenRevokeSelf();
    await refused(403, service.read(`${NAME}/data/db`));
    await root.disableAuth({ mount_point: 'approle' });
  },

  async tokens(root) {
    // tokenCreate makes its client the new token's, so it gets a client of its own.
    const made = await client(ROOT_TOKEN).tokenCreate({ policies: ['default'], ttl: '1h' });
    same((await root.tokenLookup({ token: made.auth.client_token })).data.accessor, made.auth.accessor);
    same((await root.tokenLookupAccessor({ accessor: made.auth.accessor })).data.ttl > 3590, true);
    same((await root.tokenAccessors()).data.keys.includes(made.auth.accessor), true);
    await root.tokenRevoke({ token: made.auth.client_token });
    await refused(403, client(made.auth.client_token).tokenLookupSelf());
  },

  // Shows that a wrong value ends with 1.
  async wrong(root) {
    same((await root.status()).sealed, true);
  },
};

// OpenBao prepares a new mount in the background and refuses it meanwhile.
async function ready(root, mount) {
  for (const ends = Date.now() + 20000; Date.now() < ends;) {
    if (await root.read(`${mount}/config`).then(() => true, () => false)) return;
  }
  throw new Error(`the mount ${mount} is not ready`);
}

cases[process.argv[2]](client(ROOT_TOKEN)).then(() => console.log('held'), (error) => {
  console.log(error.message);
  process.exit(1);
});
