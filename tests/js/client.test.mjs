// Reading as the apps do it, with the very clients that they use: every row of the table of requests that a moved app sends. Each answer is also held
// against the published OpenAPI text.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createClient as newest } from '@supabase/supabase-js';
import { createClient as oldest } from 'supabase-js-2.39';
import { Contract } from './lib/contract.mjs';
import { DAYS, Server, day } from './lib/server.mjs';

const server = new Server();
server.configuration = ['limits: off'];
let contract;

before(async () => {
  server.fill();
  await server.start();
  contract = new Contract(await (await server.socketFetch('http://x/rest/v1/')).json());
});
after(async () => {
  await server.stop();
  assert.ok(contract.answers > 100, `only ${contract.answers} answers were looked at`);
});

const FIVE = ['comments_created', 'comments_total', 'posts_created', 'posts_total', 'users_total'];
const CASES = {};

// What app.db held at the end of the i-th day: i % 3 + 1 rows came on each.
const madeOn = (i) => (i % 3) + 1;
const heldOn = (i) => Array.from({ length: i + 1 }, (_, k) => madeOn(k)).reduce((a, b) => a + b, 0);

function good(result, status = 200) {
  assert.equal(result.error, null);
  assert.equal(result.status, status);
  return result.data;
}

function bad(result, status, code, message) {
  assert.equal(result.status, status);
  assert.equal(result.data, null);
  assert.deepEqual(Object.keys({ ...result.error }).filter((k) => k !== 'name').sort(), ['code', 'details', 'hint', 'message']);
  assert.equal(result.error.code, code);
  if (message) assert.match(result.error.message, message);
  return result.error;
}

CASES['fetchMetrics: a range of days, all columns, in order'] = async (c) => {
  const rows = good(await c.from('daily_metrics').select('*').gte('metric_date', day(3)).lte('metric_date', day(12)).order('metric_date', { ascending: true }));
  assert.equal(rows.length, 50);
  assert.deepEqual(rows.map((r) => r.metric_date), rows.map((r) => r.metric_date).sort());
  assert.equal(rows[0].metric_date, day(3));
  for (const row of rows) {
    assert.equal(typeof row.value, 'number');
    assert.match(row.collection_timestamp, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?\+00:00$/);
  }
};

CASES['fetchMetrics with categories and types'] = async (c) => {
  const rows = good(await c.from('daily_metrics').select('*').gte('metric_date', day(0)).lte('metric_date', day(DAYS - 1))
    .order('metric_date', { ascending: true }).in('metric_category', ['posts_total', 'users_total']).in('metric_type', ['count']));
  assert.equal(rows.length, 2 * DAYS);
  assert.deepEqual([...new Set(rows.map((r) => r.metric_category))].sort(), ['posts_total', 'users_total']);
  for (const row of rows) assert.equal(row.value, heldOn(Array.from({ length: DAYS }, (_, i) => day(i)).indexOf(row.metric_date)), row.metric_date);
};

CASES['nothing there is an empty array'] = async (c) =>
  assert.deepEqual(good(await c.from('daily_metrics').select('*').gte('metric_date', '2001-01-01').lte('metric_date', '2001-01-31')), []);

CASES['fetchCurrentMetrics: newest values, as numbers'] = async (c) => {
  const rows = good(await c.from('daily_metrics').select('metric_category,value').in('metric_category', FIVE.slice(2)).order('metric_date', { ascending: false }).limit(3));
  assert.deepEqual(rows.map((r) => r.metric_category).sort(), FIVE.slice(2));
  assert.equal(rows.find((r) => r.metric_category === 'users_total').value, heldOn(DAYS - 1));
};

CASES['fetchActivityData: days as YYYY-MM-DD'] = async (c) => {
  const rows = good(await c.from('daily_metrics').select('metric_date, metric_category, value').in('metric_category', ['posts_created', 'comments_created'])
    .gte('metric_date', day(0)).lte('metric_date', day(9)).order('metric_date', { ascending: true }));
  assert.equal(rows.length, 20);
  for (const row of rows) assert.equal(row.value, madeOn(Array.from({ length: 10 }, (_, i) => day(i)).indexOf(row.metric_date)));
};

CASES['getCollectionStatus: the newest row of the log, single'] = async (c) => {
  const row = good(await c.from('metric_collection_log').select('*').order('started_at', { ascending: false }).limit(1).single());
  assert.equal(row.status, 'completed');
  assert.equal(row.metrics_collected, 5);
  assert.equal(row.error_message, null);
};

CASES['count with head: a total and no body'] = async (c) => {
  const result = await c.from('daily_metrics').select('*', { count: 'exact', head: true }).eq('metric_date', day(5));
  assert.equal(result.error, null);
  assert.ok([200, 206].includes(result.status));
  assert.equal(result.count, 5);
  assert.equal(result.data, null);
  const none = await c.from('daily_metrics').select('*', { count: 'exact', head: true }).eq('metric_date', '2001-01-01');
  assert.equal(none.count, 0);
};

CASES['planned and estimated counts are exact'] = async (c) => {
  for (const count of ['planned', 'estimated']) {
    const result = await c.from('content').select('*', { count });
    assert.equal(result.count, 3);
  }
};

CASES['single: one object; 406 for none and for many'] = async (c) => {
  assert.deepEqual(good(await c.from('daily_metrics').select('value').eq('metric_date', day(4)).eq('metric_category', 'posts_total').single()), { value: heldOn(4) });
  const none = bad(await c.from('daily_metrics').select('value').eq('metric_date', '2001-01-01').single(), 406, 'PGRST116', /^Cannot coerce the result to a single JSON object$/);
  assert.match(none.details, /0 rows/);
  const many = bad(await c.from('daily_metrics').select('value').eq('metric_date', day(4)).single(), 406, 'PGRST116');
  assert.match(many.details, /5 rows/);
};

CASES['maybeSingle: null for none'] = async (c) => {
  assert.equal(good(await c.from('daily_metrics').select('value').eq('metric_date', '2001-01-01').maybeSingle()), null);
  assert.deepEqual(good(await c.from('daily_metrics').select('value').eq('metric_date', day(4)).eq('metric_category', 'posts_total').maybeSingle()), { value: heldOn(4) });
};

CASES['range with a count: 206 and the total, 200 when that is all, 416 behind the end'] = async (c) => {
  const total = 5 * DAYS;
  const first = await c.from('daily_metrics').select('*', { count: 'exact' }).range(0, 9);
  assert.equal(good(first, 206).length, 10);
  assert.equal(first.count, total);
  const all = await c.from('daily_metrics').select('*', { count: 'exact' }).range(0, 9999);
  assert.equal(good(all).length, total);
  assert.equal(all.count, total);
  const last = await c.from('daily_metrics').select('*', { count: 'exact' }).range(total - 3, total + 6);
  assert.equal(good(last, 206).length, 3);
  bad(await c.from('daily_metrics').select('*', { count: 'exact' }).range(total + 1, total + 10), 416, 'PGRST103', /^Requested range not satisfiable$/);
};

CASES['pages put together are the whole, without double rows'] = async (c) => {
  const whole = good(await c.from('content_snapshots').select('external_id,day,views').order('views', { ascending: true }));
  const pages = [];
  for (let at = 0; at < whole.length; at += 7) pages.push(...good(await c.from('content_snapshots').select('external_id,day,views').order('views', { ascending: true }).range(at, at + 6)));
  assert.deepEqual(pages, whole);
  assert.equal(whole.length, 3 * DAYS - DAYS / 10);
};

CASES['more than 1,000 rows are not cut'] = async (c) => {
  const rows = good(await c.from('metric_values').select('metric,value'));
  assert.equal(rows.length, 5 * DAYS + 4 * (3 * DAYS - DAYS / 10));
};

CASES['csv: text with a head line, as RFC 4180 has it'] = async (c) => {
  const text = good(await c.from('content').select('external_id,title').order('external_id', { ascending: true }).csv());
  assert.equal(typeof text, 'string');
  const lines = text.split(/\r?\n/);
  assert.equal(lines[0], 'external_id,title');
  assert.equal(lines[1], 'v1,Opening night');
  assert.equal(lines[2], 'v2,"Behind, ""the"" scenes"');
  assert.ok(!lines[3].startsWith('v3,='), `a cell that a spreadsheet would run: ${lines[3]}`);
};

CASES['every operator that filters have'] = async (c) => {
  const ids = async (query) => good(await query.order('external_id', { ascending: true })).map((r) => r.external_id);
  const from = () => c.from('content_latest').select('external_id');
  assert.deepEqual(await ids(from().eq('external_id', 'v1')), ['v1']);
  assert.deepEqual(await ids(from().neq('external_id', 'v1')), ['v2', 'v3']);
  assert.deepEqual(await ids(from().gt('views', 1000)), ['v1', 'v2']);
  assert.deepEqual(await ids(from().gte('views', 1000 + 37 * (DAYS - 1))), ['v1']);
  assert.deepEqual(await ids(from().lt('views', 1000)), ['v3']);
  assert.deepEqual(await ids(from().lte('views', 5 * (DAYS - 1))), ['v3']);
  assert.deepEqual(await ids(from().in('external_id', ['v1', 'v3', 'no such'])), ['v1', 'v3']);
  assert.deepEqual(await ids(from().in('external_id', [])), []);
  assert.deepEqual(await ids(from().in('title', ['Opening night', 'commas, (brackets)', 'a "quoted" word', 'back\\slash'])), ['v1']);
  assert.deepEqual(await ids(from().is('shares', null)), ['v3']);
  assert.deepEqual(await ids(from().not('shares', 'is', null)), ['v1', 'v2']);
  assert.deepEqual(await ids(from().like('title', '%ni_ht')), ['v1']);
  assert.deepEqual(await ids(from().ilike('title', 'OPENING*')), ['v1']);
  assert.deepEqual(await ids(from().or('external_id.eq.v1,and(views.lt.1000,likes.gte.0)')), ['v1', 'v3']);
  assert.deepEqual(await ids(from().filter('owner', 'eq', 'mia')), ['v1', 'v3']);
  assert.deepEqual(await ids(from().match({ platform: 'youtube', external_id: 'v2' })), ['v2']);
};

CASES['aliases, casts and a path into a JSON column'] = async (c) => {
  const row = good(await c.from('content_latest').select('id:external_id,views::text,absence->>shares').eq('external_id', 'v3').single());
  assert.deepEqual(row, { id: 'v3', views: String(5 * (DAYS - 1)), shares: 'not_reported' });
};

CASES['other names, casts, paths and sums of every kind are what the text says of their columns'] = async (c) => {
  for (const select of ['*,"an id":external_id', 'day,n:views,views::text,i:views::int8,at:captured_at', 'one:owner->0,first:owner->>0,absence->shares', 'count()', 'platform,views.sum(),most:views.max(),views.min(),views.avg(),views.count()',
    'captured_at::date,posted_at::text,window_days::text']) {
    const rows = good(await c.from('content_snapshots').select(select).limit(20));
    assert.ok(rows.length > 0, select);
  }
  assert.deepEqual(good(await c.from('content_latest').select('id:external_id,n:views.count()').order('external_id')).map((r) => r.id), ['v1', 'v2', 'v3']);
  assert.ok(good(await c.rpc('activity', { days: 5 }).select('on:date,posts::text')).length === 5);
};

CASES['ndjson: a line a row, as the array has them'] = async (c) => {
  for (const [table, select] of [['content_latest', '*'], ['content_latest', 'id:external_id,views'], ['daily_metrics', 'metric_date,value'], ['content', '*']]) {
    const rows = good(await c.from(table).select(select).order(table === 'daily_metrics' ? 'metric_date' : 'external_id').limit(50));
    const query = c.from(table).select(select).order(table === 'daily_metrics' ? 'metric_date' : 'external_id').limit(50);
    query.headers.set ? query.headers.set('Accept', 'application/x-ndjson') : (query.headers.Accept = 'application/x-ndjson');
    const answer = await query.fetch(query.url, { headers: query.headers });
    assert.match(answer.headers.get('content-type'), /^application\/x-ndjson/);
    const lines = (await answer.text()).split('\n').slice(0, -1).map((line) => JSON.parse(line));
    assert.ok(lines.length > 2);
    assert.deepEqual(lines, rows);
  }
};

CASES['order with nulls first and last'] = async (c) => {
  const by = async (options) => good(await c.from('content_latest').select('external_id,shares').order('shares', options)).map((r) => r.external_id);
  assert.deepEqual(await by({ ascending: true }), ['v2', 'v1', 'v3']);
  assert.deepEqual(await by({ ascending: false }), ['v3', 'v1', 'v2']);
  assert.deepEqual(await by({ ascending: false, nullsFirst: false }), ['v1', 'v2', 'v3']);
  assert.deepEqual(await by({ ascending: true, nullsFirst: true }), ['v3', 'v2', 'v1']);
};

CASES['missing is null with a reason, never zero'] = async (c) => {
  const row = good(await c.from('content_latest').select('*').eq('external_id', 'v3').single());
  assert.equal(row.shares, null);
  assert.equal(row.absence.shares, 'not_reported');
  assert.deepEqual(row.owner, ['mia']);
};

CASES['300 ids in one filter'] = async (c) => {
  const ids = Array.from({ length: 300 }, (_, i) => `some-longer-id-${i}`);
  assert.deepEqual(good(await c.from('content').select('external_id').in('external_id', [...ids, 'v2'])), [{ external_id: 'v2' }]);
};

CASES['errors carry all four members and the codes apps look at'] = async (c) => {
  const far = bad(await c.from('daily_metric').select('*'), 404, 'PGRST205', /^Could not find the table 'public.daily_metric' in the schema cache$/);
  assert.match(far.hint, /daily_metrics/);
  bad(await c.from('zzz').select('*'), 404, 'PGRST205');
  bad(await c.from('daily_metrics').select('no_such'), 400, '42703', /^column daily_metrics.no_such does not exist$/);
  bad(await c.from('daily_metrics').select('*').eq('no_such', 1), 400, '42703');
  bad(await c.from('daily_metrics').select('*').order('no_such'), 400, '42703');
  bad(await c.from('daily_metrics').select('*').eq('metric_date', 'yesterdayish'), 400, '22007', /^invalid input syntax for type date: "yesterdayish"/);
  bad(await c.from('daily_metrics').select('*').eq('metric_date', '2025-02-30'), 400, '22008');
  bad(await c.from('daily_metrics').select('*').gt('value', 'abc'), 400, '22P02', /^invalid input syntax for type numeric: "abc"/);
  bad(await c.from('daily_metrics').select('*').filter('value', 'nope', '1'), 400, 'PGRST100');
  bad(await c.from('content').select('*,owners(*)'), 400, 'PGRST100');
  bad(await c.rpc('no_such_function'), 404, 'PGRST202');
  bad(await c.rpc('activity', { no_such: 1 }), 404, 'PGRST202');
  bad(await c.schema?.('private').from('content').select('*') ?? { status: 406, data: null, error: { code: 'PGRST106', details: null, hint: null, message: '' } }, 406, 'PGRST106');
};

CASES['functions that read: rows, arguments, defaults'] = async (c) => {
  const rows = good(await c.rpc('timeseries', { metric: 'views', external_id: 'v1', from: day(0), to: day(4) }));
  assert.deepEqual(rows.map((r) => r.value), [0, 1, 2, 3, 4].map((i) => 1000 + 37 * i));
  assert.deepEqual(rows.map((r) => r.change), [null, 37, 37, 37, 37]);
  const gap = good(await c.rpc('timeseries', { metric: 'views', external_id: 'v3', from: day(4), to: day(6) }));
  assert.equal(gap[1].value, null);
  assert.ok(gap[1].absence);
  const top = good(await c.rpc('top_content', { order: 'views', min_views: 500, limit: 2 }));
  assert.deepEqual(top.map((r) => [r.external_id, r.views]), [['v1', 1000 + 37 * (DAYS - 1)], ['v2', 800 + 11 * (DAYS - 1)]]);
  const now = good(await c.rpc('current_metrics'));
  assert.deepEqual(now.map((r) => r.metric_category).sort(), FIVE);
  assert.equal(good(await c.rpc('activity', { days: 7 })).length, 7);
};

CASES['functions that read may be asked for with GET'] = async (c) => {
  const rows = good(await c.rpc('activity', { days: 3 }, { get: true }));
  assert.equal(rows.length, 3);
  bad(await c.rpc('timeseries', {}, { get: true }), 400, '23502');
};

CASES['owners and their sums'] = async (c) => {
  const rows = good(await c.from('owner_metrics').select('*').order('owner', { ascending: true }));
  assert.deepEqual(rows.map((r) => [r.owner, r.items, r.views]), [['mia', 2, 1000 + 37 * (DAYS - 1) + 5 * (DAYS - 1)], ['noah', 1, 800 + 11 * (DAYS - 1)]]);
};

test('the judge sees what is not as promised', () => {
  const headers = (type) => new Headers({ 'content-type': type });
  for (const [select, body, good] of [
    ['id:external_id,n:views', [{ id: 'a', n: 1 }], true], ['id:external_id,n:views', [{ id: 1, n: 1 }], false], ['id:external_id,n:views', [{ id: 'a', n: 'x' }], false],
    ['id:external_id', [{ external_id: 'a' }], false], ['id:external_id', [{ id: 'a', more: 1 }], false], ['views::text', [{ views: '1' }], true], ['views::text', [{ views: 1 }], false],
    ['day,n:count()', [{ day: '2025-01-01', n: 1 }], true], ['day,n:count()', [{ day: '2025-01-01', n: '1' }], false], ['day,views.max()', [{ day: 'x', max: 1 }], false],
    ['absence->>shares', [{ shares: 'hidden' }], true], ['absence->>shares', [{ shares: 1 }], false], ['a:nothing_there', [{ a: 1 }], false],
  ]) {
    const one = { method: 'GET', url: `http://x/rest/v1/content_snapshots?select=${encodeURIComponent(select)}`, status: 200, headers: headers('application/json; charset=utf-8'), body: JSON.stringify(body) };
    if (good) contract.check(one);
    else assert.throws(() => contract.check(one), `${select}: ${JSON.stringify(body)}`);
  }
  const lines = (body) => contract.check({ method: 'GET', url: 'http://x/rest/v1/content?select=external_id', status: 200, headers: headers('application/x-ndjson'), body });
  lines('{"external_id":"a"}\n{"external_id":"b"}\n');
  for (const wrong of ['{"external_id":"a"}', '{"external_id":1}\n', '{"external_id":"a"}\n{"other":"b"}\n', '[{"external_id":"a"}]\n']) assert.throws(() => lines(wrong), wrong);
});

for (const [version, createClient] of [['2.109.0', newest], ['2.39.0', oldest]]) {
  for (const [name, run] of Object.entries(CASES)) {
    test(`supabase-js ${version}: ${name}`, async () => {
      const options = { auth: { persistSession: false, autoRefreshToken: false }, global: { fetch: contract.judged(server.socketFetch) } };
      try {
        await run(createClient(server.url, 'the-socket-needs-none', options));
      } finally {
        assert.deepEqual(contract.look(), []);
      }
    });
  }
}
