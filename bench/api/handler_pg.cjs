// What one writes instead: Node's http, a pool of PostgreSQL connections, one indexed query a request, JSON.
'use strict';
const http = require('node:http');
const { Pool } = require('pg');

const pool = new Pool({ host: process.env.BENCH_PGHOST, user: 'nilo', database: process.env.BENCH_PGDATABASE, max: 16 });
const activity = {
  name: 'activity',
  text: 'SELECT metric_date::text, metric_category, value::int FROM daily_metrics WHERE metric_category = ANY ($1) AND metric_date BETWEEN $2 AND $3 ' +
    'ORDER BY metric_date, metric_category',
};

http.createServer(async (request, response) => {
  const asked = new URL(request.url, 'http://localhost').searchParams;
  try {
    const { rows } = await pool.query({ ...activity, values: [asked.get('categories').split(','), asked.get('from'), asked.get('to')] });
    const body = JSON.stringify(rows);
    response.writeHead(200, { 'Content-Type': 'application/json; charset=utf-8', 'Content-Length': Buffer.byteLength(body) });
    response.end(body);
  } catch (error) {
    response.writeHead(500).end(String(error.message));
  }
}).listen(Number(process.env.BENCH_PORT), '127.0.0.1');
