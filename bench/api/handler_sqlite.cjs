// The same without a server: better-sqlite3 in process, a prepared statement a request, JSON.
'use strict';
const http = require('node:http');
const Database = require('better-sqlite3');

const db = new Database(process.env.BENCH_SQLITE, { readonly: true });
const activity = db.prepare('SELECT metric_date, metric_category, value FROM daily_metrics WHERE metric_category IN (?, ?) AND metric_date BETWEEN ? AND ? ' +
  'ORDER BY metric_date, metric_category');

http.createServer((request, response) => {
  const asked = new URL(request.url, 'http://localhost').searchParams;
  const [first, second] = asked.get('categories').split(',');
  const body = JSON.stringify(activity.all(first, second, asked.get('from'), asked.get('to')));
  response.writeHead(200, { 'Content-Type': 'application/json; charset=utf-8', 'Content-Length': Buffer.byteLength(body) });
  response.end(body);
}).listen(Number(process.env.BENCH_PORT), '127.0.0.1');
