// Jobs as apps start them: rpc and the paths for schedulers, in all roles, each answer held against the OpenAPI text.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createClient } from '@supabase/supabase-js';
import { Contract } from './lib/contract.mjs';
import { NOW, Server, day, token } from './lib/server.mjs';

const server = new Server();
server.configuration = ['limits: off', 'cron_secret: env:CRON_SECRET'];
server.env.CRON_SECRET = 'a secret for the scheduler';
const ROLES = ['anon', 'authenticated', 'admin', 'service_role'];
const key = (role) => token({ role, workspace: 'studio', ...(role === 'anon' || role === 'service_role' ? {} : { sub: 'user-1' }) });
const contracts = {};
const client = (role) => createClient(server.url, key(role), { auth: { persistSession: false, autoRefreshToken: false }, global: { fetch: contracts[role].judged() } });

before(async () => {
  server.fill();
  await server.start();
  for (const role of ROLES) contracts[role] = new Contract(await (await fetch(`${server.url}/rest/v1/`, { headers: { authorization: `Bearer ${key(role)}` } })).json());
});
after(() => server.stop());

const judged = (name, run) =>
  test(name, async () => {
    await run();
    for (const role of ROLES) assert.deepEqual(contracts[role].look(), [], role);
  });

judged('triggerMetricCollection: one object, for a day and for today', async () => {
  for (const role of ['admin', 'service_role']) {
    for (const args of [{ target_date: NOW.slice(0, 10) }, {}]) {
      const { data, error, status } = await client(role).rpc('collect_daily_metrics', args);
      assert.equal(error, null, role);
      assert.equal(status, 200);
      assert.equal(data.metrics_collected, 5);
      assert.equal(data.status, 'completed');
    }
  }
});

judged('backfill: one object', async () => {
  const { data, error } = await client('admin').rpc('backfill_daily_metrics', { start_date: day(0), end_date: day(4) });
  assert.equal(error, null);
  assert.deepEqual([data.dates_processed, data.total_metrics], [5, 25]);
});

judged('refresh: ok, and nothing to count without connections to platforms', async () => {
  const { data, error } = await client('service_role').rpc('refresh_metrics', { workspace_id: 'studio' });
  assert.equal(error, null);
  assert.equal(data.ok, true);
  assert.equal(data.summary.totalErrors, 0);
});

judged('who may not start jobs is told so, and GET starts none', async () => {
  for (const name of ['collect_daily_metrics', 'backfill_daily_metrics', 'refresh_metrics']) {
    for (const [role, status] of [['anon', 401], ['authenticated', 403]]) {
      const result = await client(role).rpc(name, {});
      assert.equal(result.status, status, name);
      assert.equal(result.error.code, '42501');
    }
    const asked = await client('admin').rpc(name, {}, { get: true });
    assert.equal(asked.status, 405);
    assert.equal(asked.error.code, '25006');
  }
  const unknown = await client('admin').rpc('collect_daily_metrics', { no_such: 1 });
  assert.deepEqual([unknown.status, unknown.error.code], [404, 'PGRST202']);
});

judged('a scheduler shows its secret', async () => {
  for (const path of ['/cron/metrics-refresh', '/api/cron/studio/metrics-refresh']) {
    const ask = (secret) => contracts.service_role.judged()(server.url + path, { headers: secret ? { authorization: `Bearer ${secret}` } : {} });
    assert.equal((await ask()).status, 401);
    assert.equal((await ask('another secret, and a long one')).status, 401);
    assert.equal((await (await ask(server.env.CRON_SECRET)).json()).ok, true);
  }
});
