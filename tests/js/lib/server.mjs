// A real `nilometer serve` over a store that was filled through `nilometer import` and `nilometer collect`, in a folder of its own.
// The clock stands at NOW when a program starts, so that what is recorded and answered is the same each time.
import { spawn, spawnSync } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

export const NOW = '2026-03-10T12:00:00Z';
export const DAYS = 40; // of readings, up to NOW's day
const PROGRAM = process.env.NILO_PROGRAM ?? new URL('../../../build/nilometer', import.meta.url).pathname;

/** The i-th of the last n days up to NOW, 0 = the first. */
export const day = (i, n = DAYS) => new Date(Date.parse(NOW.slice(0, 10)) + (i - n + 1) * 86400000).toISOString().slice(0, 10);

function environment(more) {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('NILOMETER_') || name === 'NILOMETER_KEYS'));
  return { ...env, NILO_NOW: NOW, ...more };
}

export const SECRET = 'a secret of the test, longer than 32 bytes';
const base64url = (text) => Buffer.from(text).toString('base64url');

/** A token as an app's own sign-in makes them: HS256, good for an hour from NOW. */
export function token(claims, secret = SECRET) {
  const text = [{ alg: 'HS256', typ: 'JWT' }, { exp: Date.parse(NOW) / 1000 + 3600, ...claims }].map((part) => base64url(JSON.stringify(part))).join('.');
  return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`;
}

export class Server {
  #process;

  constructor() {
    this.folder = mkdtempSync(join(tmpdir(), 'nilo-js-'));
    this.socket = join(this.folder, 's.sock');
    this.env = environment({ NILOMETER_KEYS: join(this.folder, 'keys'), APP_JWT_SECRET: SECRET });
  }

  /** Runs a command to its end; what it printed. A bad exit status is an error. */
  run(...args) {
    const done = spawnSync(PROGRAM, args, { cwd: this.folder, env: this.env, encoding: 'utf8' });
    if (done.status !== 0) throw new Error(`nilometer ${args.join(' ')}: exit status ${done.status}\n${done.stdout}${done.stderr}`);
    return done.stdout;
  }

  write(name, text) {
    writeFileSync(join(this.folder, name), text);
  }

  configure() {
    this.write('nilometer.yaml', ['connections:', '  - name: app', '    workspace: studio', '    platform: sql', '    database: app.db',
      '    users: profiles', '    posts: posts', '    comments: comments', 'auth:', '  anonymous: true', '  tokens:', '    - secret: env:APP_JWT_SECRET',
      ...(this.configuration ?? [])].join('\n') + '\n');
  }

  /** Three videos of two owners by day (v3 has gaps, and no shares), an app's five metrics. */
  fill() {
    const rows = ['external_id,title,owner,captured_at,views,likes,comments,shares'];
    for (let i = 0; i < DAYS; i++) {
      rows.push(`v1,Opening night,mia,${day(i)}T09:00:00Z,${1000 + 37 * i},${90 + i},${i},${2 * i}`);
      rows.push(`v2,"Behind, ""the"" scenes",noah,${day(i)}T09:00:00Z,${800 + 11 * i},${40 + i},${i},${i}`);
      if (i % 10 !== 5) rows.push(`v3,=Formula,mia,${day(i)}T09:00:00Z,${5 * i},${i},0,`);
    }
    this.write('videos.csv', rows.join('\n') + '\n');
    const app = new DatabaseSync(join(this.folder, 'app.db'));
    for (const table of ['profiles', 'posts', 'comments']) {
      app.exec(`CREATE TABLE ${table} (id INTEGER PRIMARY KEY, created_at TEXT)`);
      const insert = app.prepare(`INSERT INTO ${table} (created_at) VALUES (?)`);
      for (let i = 0; i < DAYS; i++) for (let k = 0; k <= i % 3; k++) insert.run(`${day(i)}T10:0${k}:00Z`);
    }
    app.close();
    this.configure();
    this.run('init', '--quiet');
    this.run('import', 'videos.csv', '--workspace', 'studio', '--platform', 'youtube', '--quiet');
    this.run('backfill', `--from`, day(0), '--to', day(DAYS - 2), '--quiet');
    this.run('collect', '--quiet');
  }

  /** What README's tour records: three days of two videos, an app's tables. */
  fillTour() {
    this.write('videos.csv', `external_id,title,owner,captured_at,views,likes,comments,shares
v1,Opening night,mia,2026-03-08T09:00:00Z,1200,96,14,3
v2,Behind the scenes,noah,2026-03-08T09:00:00Z,800,40,9,1
v1,Opening night,mia,2026-03-09T09:00:00Z,1900,150,22,8
v2,Behind the scenes,noah,2026-03-09T09:00:00Z,1100,61,11,1
v1,Opening night,mia,2026-03-10T09:00:00Z,2600,190,31,12
v2,Behind the scenes,noah,2026-03-10T09:00:00Z,1050,60,11,
`);
    const app = new DatabaseSync(join(this.folder, 'app.db'));
    app.exec(`CREATE TABLE profiles (id INTEGER PRIMARY KEY, created_at TEXT);
      CREATE TABLE posts (id INTEGER PRIMARY KEY, created_at TEXT);
      CREATE TABLE comments (id INTEGER PRIMARY KEY, created_at TEXT);
      INSERT INTO profiles (created_at) VALUES ('2026-03-01T10:00:00Z'), ('2026-03-05T10:00:00Z'), ('2026-03-09T10:00:00Z');
      INSERT INTO posts (created_at) VALUES ('2026-03-08T10:00:00Z'), ('2026-03-09T10:00:00Z'), ('2026-03-09T11:00:00Z');
      INSERT INTO comments (created_at) VALUES ('2026-03-09T12:00:00Z');`);
    app.close();
    this.configure();
    this.run('init', '--quiet');
    this.run('import', 'videos.csv', '--workspace', 'studio', '--platform', 'youtube', '--quiet');
    this.run('collect', '--quiet');
  }

  async start() {
    this.#process = spawn(PROGRAM, ['--json', 'serve', '--listen', '127.0.0.1:0', '--socket', this.socket], {
      cwd: this.folder, env: this.env, stdio: ['ignore', 'pipe', 'pipe'],
    });
    let out = '', err = '';
    this.#process.stderr.on('data', (chunk) => (err += chunk));
    this.ended = new Promise((resolve) => this.#process.on('exit', (code, signal) => resolve(code ?? signal)));
    await new Promise((resolve, reject) => {
      this.#process.stdout.on('data', (chunk) => (out += chunk).includes('\n') && resolve());
      this.ended.then((status) => reject(new Error(`serve ended with ${status}: ${err}`)));
    });
    this.url = JSON.parse(out).listening[0];
    this.problems = () => err;
    return this;
  }

  /** Ends it; its exit status has to be 0. */
  async stop() {
    this.#process?.kill('SIGTERM');
    const status = this.#process ? await this.ended : 0;
    rmSync(this.folder, { recursive: true, force: true });
    if (status !== 0) throw new Error(`serve ended with ${status}: ${this.problems()}`);
  }

  /** fetch() over the Unix socket: whoever can open it is the service. */
  socketFetch = async (input, init = {}) => {
    const request = new Request(input, init);
    const url = new URL(request.url);
    const body = Buffer.from(await request.arrayBuffer());
    const headers = Object.fromEntries(request.headers);
    delete headers.authorization;
    delete headers.apikey;
    if (body.length > 0) headers['content-length'] = String(body.length);
    return new Promise((resolve, reject) => {
      const sent = http.request({ socketPath: this.socket, path: url.pathname + url.search, method: request.method, headers }, (answer) => {
        const chunks = [];
        answer.on('data', (chunk) => chunks.push(chunk));
        answer.on('error', reject);
        answer.on('end', () => {
          const empty = request.method === 'HEAD' || [204, 304].includes(answer.statusCode);
          resolve(new Response(empty ? null : Buffer.concat(chunks), { status: answer.statusCode, headers: answer.headers }));
        });
      });
      sent.on('error', reject);
      sent.end(body);
    });
  };
}
