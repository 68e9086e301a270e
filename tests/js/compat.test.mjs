// Compatibility sets: the record under the table names that existing apps know, published by `compat:`, read and written by supabase-js; each answer against the
// OpenAPI text, in which they stand only where they are published.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createClient } from '@supabase/supabase-js';
import { Contract } from './lib/contract.mjs';
import { DAYS, NOW, Server, day, token } from './lib/server.mjs';

const server = new Server(), plain = new Server();
server.configuration = ['limits: off', 'compat:', '  - {set: youtube, workspace: studio, connection: import-youtube}', '  - {set: studio}', '  - {set: creator}', '  - {set: analytics}'];
const key = (role) => token({ role, ...(role === 'service_role' ? {} : { workspace: 'studio', sub: 'user-1' }) });
const contracts = {};

async function text(from, role) {
  return await (await fetch(`${from.url}/rest/v1/`, { headers: { authorization: `Bearer ${key(role)}` } })).json();
}

function client(role) {
  return createClient(server.url, key(role), { auth: { persistSession: false, autoRefreshToken: false }, global: { fetch: contracts[role].judged() } });
}

before(async () => {
  for (const one of [server, plain]) {
    one.fill();
    await one.start();
  }
  for (const role of ['authenticated', 'service_role']) contracts[role] = new Contract(await text(server, role));
});
after(async () => {
  await server.stop();
  await plain.stop();
});

const judged = (name, run) =>
  test(name, async () => {
    await run();
    for (const role of Object.keys(contracts)) assert.deepEqual(contracts[role].look(), [], role);
  });

const TABLES = ['youtube_metrics', 'latest_youtube_metrics', 'youtube_latest_metrics', 'user_metrics', 'users', 'user_projects', 'studio_social_posts',
  'studio_social_post_metrics', 'creator_videos', 'creator_video_metric_snapshots', 'analytics_daily_metric'];

judged('the tables are in the text where they are published, and nowhere else', async () => {
  const without = await text(plain, 'service_role');
  for (const table of TABLES) {
    assert.ok(contracts.authenticated.text.paths[`/rest/v1/${table}`], table);
    assert.equal(without.paths[`/rest/v1/${table}`], undefined, table);
  }
});

for (const table of TABLES) {
  judged(`${table}: rows as the text says, counted, by columns, and 404 where it is not published`, async () => {
    const { data, error, count } = await client('authenticated').from(table).select('*', { count: 'exact' }).limit(5);
    assert.equal(error, null);
    // snapshots are of windows, and nothing here has been read by windows
    if (table === 'creator_video_metric_snapshots') return assert.deepEqual([data, count], [[], 0]);
    assert.ok(data.length > 0);
    assert.ok(count >= data.length);
    const column = Object.keys(data[0])[0];
    assert.equal((await client('service_role').from(table).select(column).limit(1)).error, null);
    const missing = await fetch(`${plain.url}/rest/v1/${table}`, { headers: { authorization: `Bearer ${key('service_role')}` } });
    assert.equal(missing.status, 404);
    assert.equal((await missing.json()).code, 'PGRST205');
  });
}

// REQUIREMENTS, section H: the columns that existing apps know, by table; and id, createdAt, updatedAt where the apps' tables have them not.
const H = {
  daily_metrics: 'id, metric_date, metric_type, metric_category, value, metadata, collection_timestamp, created_at',
  metric_definitions: 'id, metric_type, metric_category, display_name, description, unit, format_pattern, is_active, created_at',
  metric_collection_log: 'id, collection_date, started_at, completed_at, status, metrics_collected, error_message, error_details, created_at',
  youtube_metrics: 'p_id, platform, fetched_at, view_count, like_count, comment_count, share_count, id, createdAt, updatedAt',
  latest_youtube_metrics: 'p_id, platform, fetched_at, view_count, like_count, comment_count, share_count, id, createdAt, updatedAt',
  youtube_latest_metrics: 'p_id, platform, fetched_at, view_count, like_count, comment_count, share_count, id, createdAt, updatedAt',
  user_projects: 'u_id, p_id, id, createdAt, updatedAt',
  users: 'u_id, u_email, id, createdAt, updatedAt',
  user_metrics: 'u_id, total_view_count, total_like_count, total_comment_count, total_share_count, avg_engagement_rate, updated_at, id, createdAt',
  studio_social_posts: 'id, workspace_id, platform, external_post_id, posted_at, createdAt, updatedAt, account_status',
  studio_social_post_metrics: 'social_post_id, captured_at, impressions, views, likes, comments, shares, saves, metadata, id, createdAt, updatedAt',
  creator_videos: 'brand_id, tiktok_video_id, posted_at, duration, gmv_cents, impressions, items_sold, affiliate_orders, likes, comments, shares, est_commission_cents, gpm_cents, ctr, id, createdAt, updatedAt',
  creator_video_metric_snapshots: 'brand_id, creator_video_id, tiktok_video_id, snapshot_date, window_days, gmv_cents, views, items_sold, gpm_cents, ctr, source_run_id, raw_payload, id, createdAt, updatedAt',
  analytics_daily_metric: 'id, organizationId, integrationId, externalContentId, date, impressions, reach, reactions, videoViews, clicks, comments, shares, createdAt, updatedAt, deletedAt',
  AnalyticsDailyMetric: 'id, organizationId, integrationId, externalContentId, date, impressions, reach, reactions, videoViews, clicks, comments, shares, createdAt, updatedAt, deletedAt',
  AnalyticsContent: 'id, organizationId, integrationId, externalContentId, type, postedAt, createdAt, updatedAt',
};

for (const [table, columns] of Object.entries(H)) {
  judged(`${table} has the columns that apps know`, async () => {
    const { data, error } = await client('service_role').from(table).select(columns).limit(2);
    assert.equal(error, null);
    for (const row of data) assert.deepEqual(Object.keys(row), columns.split(', '));
    if (table !== 'creator_video_metric_snapshots') assert.ok(data.length > 0);
  });
}

judged('the names of one table have the same rows', async () => {
  const rows = async (table) => (await client('authenticated').from(table).select('*').order('p_id')).data;
  assert.deepEqual(await rows('latest_youtube_metrics'), await rows('youtube_latest_metrics'));
  const latest = await rows('latest_youtube_metrics');
  assert.deepEqual(latest.map((r) => [r.p_id, r.view_count]), [['v1', 1000 + 37 * (DAYS - 1)], ['v2', 800 + 11 * (DAYS - 1)], ['v3', 5 * (DAYS - 1)]]);
});

judged('a run that an app names with a row comes back as it was posted', async () => {
  const row = { brand_id: 'studio', tiktok_video_id: 'named', window_days: 30, views: 1, snapshot_date: day(DAYS - 1) };
  for (const [tiktok_video_id, source_run_id] of [['named-1', 17], ['named-2', '17'], ['named-3', '0b9ab0f0-6a3e-4a52-8f0d-1e6d3c1f2a77']]) {
    const { data, error } = await client('service_role').from('creator_video_metric_snapshots').insert({ ...row, tiktok_video_id, source_run_id }).select('source_run_id').single();
    assert.equal(error, null);
    assert.strictEqual(data.source_run_id, source_run_id);
    const again = await client('authenticated').from('creator_video_metric_snapshots').select('source_run_id').eq('source_run_id', source_run_id).eq('tiktok_video_id', tiktok_video_id).single();
    assert.strictEqual(again.data.source_run_id, source_run_id);
  }
});

judged('a Lambda that posts twice a day: both are taken, the later one is shown', async () => {
  const c = client('service_role');
  const row = { p_id: 'v1', view_count: 50000, like_count: 500, comment_count: 5, fetched_at: `${NOW.slice(0, 10)}T10:00:00.123456` };
  for (const [at, views] of [['10:00:00.123456', 50000], ['11:30:00', 50010]]) {
    const { status, error } = await c.from('youtube_metrics').insert({ ...row, fetched_at: `${day(DAYS - 1)}T${at}`, view_count: views });
    assert.equal(error, null);
    assert.equal(status, 201);
  }
  const shown = await c.from('latest_youtube_metrics').select('view_count').eq('p_id', 'v1').single();
  assert.equal(shown.data.view_count, 50010);
});
