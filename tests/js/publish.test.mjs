// Tables of the sources (`publish:`) and the limit of rows (`max_rows:`), as code with the service key and apps meet them through supabase-js. Each answer is held against
// the OpenAPI text of the caller's role.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createClient as newest } from '@supabase/supabase-js';
import { createClient as oldest } from 'supabase-js-2.39';
import { Contract } from './lib/contract.mjs';
import { DAYS, Server, day, token } from './lib/server.mjs';

const MAX = 20;
const server = new Server();
server.configuration = ['limits: off', `max_rows: ${MAX}`, 'publish:', '  - table: posts', '  - {table: profiles, name: members}'];
const ROLES = ['anon', 'authenticated', 'admin', 'service_role'];
const POSTS = Array.from({ length: DAYS }, (_, i) => (i % 3) + 1).reduce((a, b) => a + b, 0);
const key = (role) => token({ role, ...(role === 'service_role' ? {} : { workspace: 'studio', sub: 'user-1' }) });
const contracts = {};

before(async () => {
  server.fill();
  await server.start();
  for (const role of ROLES) contracts[role] = new Contract(await (await fetch(`${server.url}/rest/v1/`, { headers: { authorization: `Bearer ${key(role)}` } })).json());
});
after(() => server.stop());

const CASES = {
  'the backfill script finds the oldest row': async (client) => {
    const { data, error } = await client('service_role').from('posts').select('created_at').order('created_at', { ascending: true }).limit(1).single();
    assert.equal(error, null);
    assert.equal(data.created_at.split('T')[0], day(0));
  },
  'the accuracy check counts rows up to a day, without a body': async (client) => {
    const made = (i) => (i % 3) + 1;
    const { count, error, data } = await client('service_role').from('posts').select('*', { count: 'exact', head: true }).lte('created_at', `${day(4)}T23:59:59Z`);
    assert.deepEqual([count, error, data], [[0, 1, 2, 3, 4].map(made).reduce((a, b) => a + b), null, null]);
  },
  'all rows, as no limit of rows holds for the service': async (client) => {
    const { data, error, count, status } = await client('service_role').from('members').select('*', { count: 'exact' });
    assert.deepEqual([data?.length, error, count, status], [POSTS, null, POSTS, 200]);
    assert.deepEqual(Object.keys(data[0]).sort(), ['created_at', 'id']);
  },
  'conditions, order, pages, csv, single': async (client) => {
    const posts = () => client('service_role').from('posts');
    assert.deepEqual((await posts().select('id').in('id', [1, 3, 999999]).order('id', { ascending: false })).data.map((r) => Number(r.id)), [3, 1]);
    const page = await posts().select('id', { count: 'exact' }).order('id').range(2, 4);
    assert.deepEqual([page.status, page.count, page.data.map((r) => Number(r.id))], [206, POSTS, [3, 4, 5]]);
    assert.match((await posts().select('id').order('id').limit(2).csv()).data, /^id\r?\n1\r?\n2\r?\n$/);
    const none = await posts().select('id').eq('id', 999999).single();
    assert.deepEqual([none.status, none.error.code], [406, 'PGRST116']);
    const unknown = await posts().select('nothing');
    assert.deepEqual([unknown.status, unknown.error.code], [400, '42703']);
  },
  'it is only read': async (client) => {
    const posts = () => client('service_role').from('posts');
    for (const asked of [posts().insert({ id: 999999 }), posts().update({ created_at: '2026-01-01' }).eq('id', 1), posts().delete().eq('id', 1), posts().upsert({ id: 1 })]) {
      const { status, error } = await asked;
      assert.deepEqual([status, error.code], [403, '42501']);
    }
    assert.equal((await posts().select('*', { count: 'exact', head: true })).count, POSTS);
  },
  'for everybody else there is no such table': async (client) => {
    for (const role of ROLES.slice(0, 3)) {
      assert.equal(contracts[role].text.paths['/rest/v1/posts'], undefined, role);
      for (const asked of [client(role).from('posts').select('*'), client(role).from('members').insert({ id: 1 })]) {
        const { status, error } = await asked;
        assert.deepEqual([status, error.code], [404, 'PGRST205'], role);
      }
    }
    assert.ok(contracts.service_role.text.paths['/rest/v1/posts'].get);
    assert.equal(contracts.service_role.text.paths['/rest/v1/posts'].post, undefined);
  },
  'an answer that max_rows cuts says so, and pages bring the rest': async (client) => {
    for (const role of ['anon', 'authenticated', 'admin']) {
      const read = () => client(role).from('daily_metrics').select('metric_date,metric_category,value').order('metric_date').order('metric_category');
      const cut = await read();
      assert.deepEqual([cut.error, cut.status, cut.data.length], [null, 206, MAX], role);
      const rows = [];
      for (let at = 0; at < DAYS * 5; at += MAX) rows.push(...(await read().range(at, at + 999)).data);
      const whole = await client('service_role').from('daily_metrics').select('metric_date,metric_category,value').order('metric_date').order('metric_category');
      assert.deepEqual([whole.status, whole.data.length], [200, DAYS * 5]);
      assert.deepEqual(rows, whole.data, role);
      const counted = await client(role).from('daily_metrics').select('*', { count: 'exact' });
      assert.deepEqual([counted.count, counted.data.length], [DAYS * 5, MAX], role);
      const fits = await client(role).from('daily_metrics').select('*').limit(MAX);
      assert.deepEqual([fits.status, fits.data.length], [200, MAX], role);
    }
    const { data, status } = await client('authenticated').rpc('activity', { days: 30 });
    assert.deepEqual([status, data.length], [206, MAX]);
  },
};

for (const [version, createClient] of [['2.109.0', newest], ['2.39.0', oldest]]) {
  for (const [title, run] of Object.entries(CASES)) {
    test(`supabase-js ${version}: ${title}`, async () => {
      const client = (role) => createClient(server.url, key(role), { auth: { persistSession: false, autoRefreshToken: false }, global: { fetch: contracts[role].judged() } });
      try {
        await run(client);
      } finally {
        for (const role of ROLES) assert.deepEqual(contracts[role].look(), [], role);
      }
    });
  }
}

test('what a cut answer says in its headers', async () => {
  const ask = (role) => fetch(`${server.url}/rest/v1/daily_metrics?select=value`, { headers: { authorization: `Bearer ${key(role)}` } });
  const cut = await ask('authenticated');
  assert.deepEqual([cut.status, cut.headers.get('content-range'), cut.headers.get('nilometer-limit')], [206, `0-${MAX - 1}/${DAYS * 5}`, `max_rows=${MAX}`]);
  const whole = await ask('service_role');
  assert.deepEqual([whole.status, whole.headers.get('nilometer-limit')], [200, null]);
});
