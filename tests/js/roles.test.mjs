// Who sees what, through the real client with the tokens of the real roles: anon, authenticated, admin, service_role. What a role may ask is its own
// OpenAPI text; each answer is held against that of its role.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createClient } from '@supabase/supabase-js';
import { Contract } from './lib/contract.mjs';
import { Server, day, token } from './lib/server.mjs';

const server = new Server();
server.configuration = ['limits: off'];
const ROLES = ['anon', 'authenticated', 'admin', 'service_role'];
const contracts = {};

const key = (role, more = {}) => token({ role, ...(role === 'service_role' ? {} : { workspace: 'studio' }), ...(['authenticated', 'admin'].includes(role) ? { sub: 'user-1' } : {}), ...more });

function client(role, bearer = key(role), contract = contracts[role]) {
  const options = { auth: { persistSession: false, autoRefreshToken: false }, global: { fetch: contract.judged() } };
  return createClient(server.url, bearer, options);
}

before(async () => {
  server.fill();
  await server.start();
  for (const role of ROLES) {
    const answer = await fetch(`${server.url}/rest/v1/`, { headers: { authorization: `Bearer ${key(role)}` } });
    assert.equal(answer.status, 200, role);
    contracts[role] = new Contract(await answer.json());
  }
});
after(() => server.stop());

const judged = (name, run) =>
  test(name, async () => {
    await run();
    for (const role of ROLES) assert.deepEqual(contracts[role].look(), [], role);
  });

// relation → the least role that sees rows of it; the others: anon is refused, signed-in users find nothing (as if row level security hid it)
const LEAST = {
  daily_metrics: 'anon', metric_definitions: 'anon', metric_collection_log: 'admin', runs: 'admin', content: 'authenticated', content_latest: 'authenticated',
  content_snapshots: 'authenticated', content_best: 'authenticated', metric_values: 'authenticated', observations: 'authenticated', owners: 'authenticated',
  owner_metrics: 'authenticated', connections: 'authenticated', workspaces: 'authenticated', credits: 'authenticated',
};

for (const [relation, least] of Object.entries(LEAST)) {
  judged(`${relation}: seen from ${least} on`, async () => {
    for (const role of ROLES) {
      const { data, error, status } = await client(role).from(relation).select('*').limit(3);
      const { count } = await client(role).from(relation).select('*', { count: 'exact', head: true });
      if (ROLES.indexOf(role) >= ROLES.indexOf(least)) {
        assert.equal(error, null, role);
        assert.ok(data.length > 0, role);
        assert.ok(count > 0, role);
      } else if (role === 'anon') {
        assert.equal(status, 401);
        assert.equal(error.code, '42501');
        assert.ok(!count);
      } else {
        assert.equal(status, 200, role);
        assert.deepEqual(data, []);
        assert.equal(count, 0);
      }
    }
  });
}

judged('the texts differ by role, and grow', async () => {
  const paths = ROLES.map((role) => Object.keys(contracts[role].text.paths));
  for (let i = 1; i < ROLES.length; i++) for (const path of paths[i - 1]) assert.ok(paths[i].includes(path), path);
  assert.ok(!paths[0].includes('/rest/v1/content'));
  assert.ok(paths[1].includes('/rest/v1/content'));
  assert.ok(!paths[1].includes('/rest/v1/metric_collection_log'));
  assert.ok(paths[2].includes('/rest/v1/metric_collection_log'));
  assert.ok(paths[3].includes('/metrics'));
});

judged('without credentials one is anon, and of this store only workspace', async () => {
  const answer = await contracts.anon.judged()(`${server.url}/rest/v1/daily_metrics?select=value&limit=1`);
  assert.equal(answer.status, 200);
  assert.equal((await answer.json()).length, 1);
  assert.equal((await contracts.anon.judged()(`${server.url}/rest/v1/content`)).status, 401);
});

judged('bad tokens get one and the same 401; an expired one says so', async () => {
  const good = key('service_role');
  const bad = [
    token({ role: 'service_role' }, 'another secret that is just as long, really'), good.slice(0, -2), `${good}x`,
    `${Buffer.from('{"alg":"none","typ":"JWT"}').toString('base64url')}.${good.split('.')[1]}.`, 'sb_publishable_nothing', token({ role: 'postgres' }),
  ];
  const bodies = new Set();
  for (const wrong of bad) {
    const answer = await contracts.anon.judged()(`${server.url}/rest/v1/daily_metrics`, { headers: { apikey: wrong, authorization: `Bearer ${wrong}` } });
    assert.equal(answer.status, 401, wrong);
    assert.equal(answer.headers.get('www-authenticate'), 'Bearer');
    bodies.add(await answer.text());
  }
  assert.equal(bodies.size, 1, [...bodies].join('\n'));
  const { error, status } = await client('authenticated', token({ role: 'authenticated', exp: 1 })).from('daily_metrics').select('*');
  assert.equal(status, 401);
  assert.equal(error.code, 'PGRST303');
  assert.equal(error.message, 'JWT expired');
});

judged('a workspace that is not the caller\'s is not there', async () => {
  const elsewhere = (role, workspace) => contracts[role].judged()(`${server.url}/w/${workspace}/rest/v1/content`, { headers: { authorization: `Bearer ${key(role)}` } });
  assert.equal((await elsewhere('authenticated', 'studio')).status, 200);
  const other = await elsewhere('authenticated', 'no-such');
  assert.equal(other.status, 404);
  const foreign = token({ role: 'authenticated', sub: 'u', workspace: 'other' });
  const mine = await contracts.authenticated.judged()(`${server.url}/w/studio/rest/v1/content`, { headers: { authorization: `Bearer ${foreign}` } });
  assert.equal(mine.status, 404);
  assert.equal(await mine.text(), await other.text());
});

judged('a range over 365 days is refused, except for the service', async () => {
  for (const role of ['authenticated', 'admin']) {
    const { status, error } = await client(role).from('daily_metrics').select('*').gte('metric_date', '2025-01-01').lte('metric_date', '2026-01-02');
    assert.equal(status, 400, role);
    assert.equal(error.code, '22023');
    assert.match(error.message, /365/);
    const fits = await client(role).from('daily_metrics').select('*').gte('metric_date', '2025-01-01').lte('metric_date', '2026-01-01');
    assert.equal(fits.status, 200, role);
  }
  assert.equal((await client('service_role').from('daily_metrics').select('*').gte('metric_date', '2025-01-01').lte('metric_date', '2026-01-02')).status, 200);
});

judged('answers say how their days stand', async () => {
  const answer = await contracts.authenticated.judged()(`${server.url}/rest/v1/daily_metrics?metric_date=gte.${day(0)}&metric_date=lte.${day(9)}`, { headers: { authorization: `Bearer ${key('authenticated')}` } });
  assert.match(answer.headers.get('nilometer-coverage'), /^10\/10$/);
  assert.ok(answer.headers.get('nilometer-data-through'));
  const tag = answer.headers.get('etag');
  const again = await contracts.authenticated.judged()(answer.url, { headers: { authorization: `Bearer ${key('authenticated')}`, 'if-none-match': tag } });
  assert.equal(again.status, 304);
});

judged('preflight: no credentials, methods and headers back', async () => {
  const answer = await fetch(`${server.url}/rest/v1/daily_metrics`, {
    method: 'OPTIONS', headers: { origin: 'http://app.example', 'access-control-request-method': 'POST', 'access-control-request-headers': 'apikey,authorization,prefer' },
  });
  assert.equal(answer.status, 200);
  assert.ok(['*', 'http://app.example'].includes(answer.headers.get('access-control-allow-origin')));
  assert.match(answer.headers.get('access-control-allow-headers').toLowerCase(), /apikey.*authorization.*prefer|authorization/);
});
