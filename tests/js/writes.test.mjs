// Writing as apps do it, with both clients: inserts, bulk inserts, upserts, updates, deletes, by the table of answers in SEMANTICS section 6. Each answer is
// held against the OpenAPI text.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createClient as newest } from '@supabase/supabase-js';
import { createClient as oldest } from 'supabase-js-2.39';
import { Contract } from './lib/contract.mjs';
import { NOW, Server, token } from './lib/server.mjs';

const server = new Server();
server.configuration = ['limits: off'];
const today = NOW.slice(0, 10);
const contracts = {};
const key = (role) => token({ role, ...(role === 'service_role' ? {} : { workspace: 'studio', sub: 'user-1' }) });

// A metric that is posted is a column from then on: the text is read anew.
async function read(role) {
  contracts[role] = new Contract(await (await fetch(`${server.url}/rest/v1/`, { headers: { authorization: `Bearer ${key(role)}` } })).json());
}

before(async () => {
  server.fill();
  await server.start();
  for (const role of ['anon', 'authenticated', 'admin']) await read(role);
});
after(() => server.stop());

const metric = (category, value, more = {}) => ({ metric_date: today, metric_type: 'count', metric_category: category, value, ...more });
const KEY = 'metric_date,metric_type,metric_category';
const one = async (c, category, date = today) =>
  (await c.from('daily_metrics').select('value').eq('metric_date', date).eq('metric_category', category).maybeSingle()).data?.value;

function good(result, status) {
  assert.equal(result.error, null);
  assert.equal(result.status, status);
  return result.data;
}

function bad(result, status, code) {
  assert.equal(result.status, status);
  assert.equal(result.error.code, code);
  assert.deepEqual(Object.keys({ ...result.error }).filter((k) => k !== 'name').sort(), ['code', 'details', 'hint', 'message']);
  return result.error;
}

let version = 0; // each client writes metrics of its own
const CASES = {
  'insert: 201 and no body; the row is there': async (c, name) => {
    assert.equal(good(await c.from('daily_metrics').insert(metric(name('a'), 5)), 201), null);
    assert.equal(await one(c, name('a')), 5);
  },
  'insert and select: the row as it is recorded': async (c, name) => {
    const row = good(await c.from('daily_metrics').insert(metric(name('b'), 7)).select().single(), 201);
    assert.equal(row.value, 7);
    assert.equal(row.metric_date, today);
    assert.match(row.id, /^[0-9a-f-]{36}$/);
  },
  'bulk insert: all or none': async (c, name) => {
    assert.equal(good(await c.from('daily_metrics').insert([metric(name('c'), 1), metric(name('d'), 2)]).select('value'), 201).length, 2);
    bad(await c.from('daily_metrics').insert([metric(name('e'), 1), metric(name('c'), 2)]), 409, '23505');
    assert.equal(await one(c, name('e')), undefined);
    assert.equal(await one(c, name('c')), 1);
  },
  'a second insert of a key is 409 and says which': async (c, name) => {
    await c.from('daily_metrics').insert(metric(name('f'), 1));
    const error = bad(await c.from('daily_metrics').insert(metric(name('f'), 1)), 409, '23505');
    assert.match(error.details, /Key \(metric_date, metric_type, metric_category\)=\(/);
  },
  'upsert on an open day replaces the value': async (c, name) => {
    await c.from('daily_metrics').insert(metric(name('g'), 1));
    const result = await c.from('daily_metrics').upsert(metric(name('g'), 9), { onConflict: KEY });
    assert.equal(result.error, null);
    assert.ok([200, 201].includes(result.status));
    assert.equal(await one(c, name('g')), 9);
  },
  'upsert that ignores duplicates keeps the value': async (c, name) => {
    await c.from('daily_metrics').insert(metric(name('h'), 1));
    assert.equal((await c.from('daily_metrics').upsert(metric(name('h'), 9), { onConflict: KEY, ignoreDuplicates: true })).error, null);
    assert.equal(await one(c, name('h')), 1);
  },
  'upsert on a set that is not unique is 42P10': async (c, name) => bad(await c.from('daily_metrics').upsert(metric(name('i'), 1), { onConflict: 'value' }), 400, '42P10'),
  'a closed day keeps and returns the stored value': async (c) => {
    const closed = (await c.from('metric_values').select('day,value').eq('metric', 'users_total').order('day').limit(1).single()).data;
    const row = { metric_date: closed.day, metric_type: 'count', metric_category: 'users_total', value: closed.value + 1000 };
    const answer = await c.from('daily_metrics').upsert(row, { onConflict: KEY }).select('value').single();
    assert.equal(good(answer, 200).value, closed.value);
    assert.equal(await one(c, 'users_total', closed.day), closed.value);
  },
  'update and delete of recorded days are refused with 42501': async (c, name) => {
    await c.from('daily_metrics').insert(metric(name('j'), 1));
    const changed = bad(await c.from('daily_metrics').update({ value: 2 }).eq('metric_category', name('j')), 403, '42501');
    assert.match(changed.message + changed.hint, /revise/);
    bad(await c.from('daily_metrics').delete().eq('metric_category', name('j')), 403, '42501');
    assert.equal(await one(c, name('j')), 1);
  },
  'snapshots of items: insert, upsert, and they are read back': async (c, name) => {
    const row = { connection: 'sender', platform: 'youtube', external_id: name('item'), day: today, window_days: 0, views: 9007199254740, likes: 3 };
    assert.equal(good(await c.from('content_snapshots').insert(row), 201), null);
    bad(await c.from('content_snapshots').insert(row), 409, '23505');
    const again = await c.from('content_snapshots').upsert({ ...row, likes: 4 }, { onConflict: 'day,external_id,window_days,connection' });
    assert.equal(again.error, null);
    const back = good(await c.from('content_snapshots').select('views,likes').eq('external_id', name('item')).single(), 200);
    assert.equal(back.views, 9007199254740);
    assert.equal(back.likes, 4);
  },
  'rpc record: a batch row by row, once': async (c, name) => {
    const rows = [{ external_id: name('r1'), day: today, views: 1 }, { external_id: name('r2'), day: 'no day', views: 1 }];
    const batch = { batch: name('batch'), connection: 'sender', platform: 'youtube', rows };
    const told = good(await c.rpc('record', batch), 200);
    assert.equal(told.failed, 1);
    assert.deepEqual(told.results.map((r) => [r.row, r.status]), [[0, 'recorded'], [1, 'failed']]);
    const mended = { ...batch, rows: [rows[0], { ...rows[1], day: today }] };
    assert.equal(good(await c.rpc('record', mended), 200).failed, 0);
    const whole = { ...mended, batch: name('whole') };
    assert.equal(good(await c.rpc('record', whole), 200).status, 'completed');
    const again = good(await c.rpc('record', whole), 200);
    assert.deepEqual([again.status, again.results], ['repeated', []]);
    assert.equal((await c.from('content_latest').select('views').eq('external_id', name('r1')).single()).data.views, 1);
  },
  'what cannot be recorded is refused by its code': async (c, name) => {
    bad(await c.from('daily_metrics').insert({ ...metric(name('k'), 1), no_such: 1 }), 400, 'PGRST204');
    bad(await c.from('daily_metrics').insert({ metric_date: today, metric_type: 'count', value: 1 }), 400, '23502');
    bad(await c.from('daily_metrics').insert(metric(name('k'), 'abc')), 400, '22P02');
    bad(await c.from('daily_metrics').insert(metric(name('k'), 1, { metric_date: '2026-02-30' })), 400, '22008');
    bad(await c.from('daily_metrics').insert(metric(name('k'), 1, { metric_type: 'gauge' })), 400, '23514');
    bad(await c.from('no_such').insert({ a: 1 }), 404, 'PGRST205');
  },
};

for (const [release, createClient] of [['2.109.0', newest], ['2.39.0', oldest]]) {
  for (const [title, run] of Object.entries(CASES)) {
    test(`supabase-js ${release}: ${title}`, async () => {
      version++;
      const mine = version;
      await read('service_role');
      const options = { auth: { persistSession: false, autoRefreshToken: false }, global: { fetch: contracts.service_role.judged() } };
      try {
        await run(createClient(server.url, key('service_role'), options), (letter) => `m_${letter}_${mine}`);
      } finally {
        assert.deepEqual(contracts.service_role.look(), []);
      }
    });
  }
}

test('owners and credits: an admin makes, changes and takes them away', async () => {
  await read('admin');
  const options = { auth: { persistSession: false, autoRefreshToken: false }, global: { fetch: contracts.admin.judged() } };
  const c = newest(server.url, key('admin'), options);
  assert.equal(good(await c.from('owners').insert({ owner: 'zoe', display_name: 'Zoe' }), 201), null);
  bad(await c.from('owners').insert({ owner: 'zoe' }), 409, '23505');
  assert.equal(good(await c.from('owners').update({ display_name: 'Zoë' }).eq('owner', 'zoe').select().single(), 200).display_name, 'Zoë');
  good(await c.from('credits').insert({ owner: 'zoe', connection: 'import-youtube', external_id: 'v2' }), 201);
  assert.equal(good(await c.from('owner_metrics').select('items').eq('owner', 'zoe').single(), 200).items, 1);
  assert.equal(good(await c.from('credits').delete().eq('owner', 'zoe'), 204), null);
  bad(await c.from('owners').delete().eq('owner', 'zoe'), 409, '23503'); // who was ever credited stays, for days gone by
  assert.deepEqual(contracts.admin.look(), []);
});

test('who may not write is told so: 401 for anon, 403 for the others', async () => {
  for (const [role, status] of [['anon', 401], ['authenticated', 403], ['admin', 403]]) {
    const options = { auth: { persistSession: false, autoRefreshToken: false }, global: { fetch: contracts[role].judged() } };
    bad(await newest(server.url, key(role), options).from('daily_metrics').insert(metric('signups', 1)), status, '42501');
    const told = await newest(server.url, key(role), options).rpc('record', { rows: [] });
    bad(told, status, '42501');
    assert.deepEqual(contracts[role].look(), []);
  }
});
