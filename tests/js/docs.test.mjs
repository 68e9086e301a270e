// The examples of docs/api.md in JavaScript, shell and Python run, and print what stands there. With UPDATE_DOCS=1 what they print now is written in.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { NOW, Server } from './lib/server.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const file = join(here, '../../docs/api.md');
const server = new Server();
let key;

before(async () => {
  server.env.HOOK_SECRET = 'a secret of the app that pushes';
  server.configuration = ['hooks:', '  - platform: push', '    workspace: studio', '    secret: env:HOOK_SECRET',
    '  - platform: facebook', '    secret: env:HOOK_SECRET', '    verify_token: env:HOOK_TOKEN'];
  server.env.HOOK_TOKEN = 'what-a-subscription-shows';
  server.fillTour();
  // the server's clock stands, so that of the examples stands as well
  mkdirSync(join(server.folder, 'bin'));
  server.write('bin/date', `#!/bin/sh\n[ "$1" = +%s ] && echo ${Date.parse(NOW) / 1000}\n`);
  chmodSync(join(server.folder, 'bin/date'), 0o755);
  key = JSON.parse(server.run('--json', 'token', 'issue', '--role', 'service_role')).token;
  await server.start();
});
after(() => server.stop());

/** Fenced blocks with the word behind the language: run (with the output that follows), prelude. */
function blocks(text) {
  const found = [];
  for (const match of text.matchAll(/^```(js|sh|python) (run|prelude)\n([^]*?)^```\n(?:```output\n([^]*?)^```\n)?/gm)) {
    const [whole, language, kind, code, output] = match;
    found.push({ language, kind, code, output, outputAt: match.index + whole.length - (output?.length ?? 0) - 4 });
  }
  return found;
}

// asynchronous: an example that asks this process's server would wait for ever otherwise
function run(command, args, env) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: here, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
    let out = '';
    child.stdout.on('data', (chunk) => (out += chunk));
    child.stderr.on('data', (chunk) => (out += chunk));
    child.on('error', (error) => resolve({ status: -1, out: String(error) }));
    child.on('close', (status) => resolve({ status, out }));
  });
}

const there = (command) => spawnSync(command, [command === 'openssl' ? 'version' : '--version']).status === 0;
const text = readFileSync(file, 'utf8');
const all = blocks(text);
const prelude = all.filter((block) => block.kind === 'prelude').map((block) => block.code).join('');
const printed = new Map();

for (const block of all.filter((b) => b.kind === 'run')) {
  const title = `${block.language}: ${block.code.split('\n').find((line) => line.trim() !== '').slice(0, 90)}`;
  const needs = block.code.includes('openssl') ? 'openssl' : { sh: 'curl', python: 'python3' }[block.language];
  test(title, { skip: needs && !there(needs) ? `${needs} is not there` : false }, async () => {
    const env = { NILOMETER_URL: server.url, NILOMETER_KEY: key, HOOK_SECRET: server.env.HOOK_SECRET, HOOK_TOKEN: server.env.HOOK_TOKEN, PATH: `${join(server.folder, 'bin')}:${process.env.PATH}` };
    let done;
    if (block.language === 'js') {
      const script = join(here, `example-${process.pid}.mjs`); // beside node_modules, so that its import finds them
      writeFileSync(script, prelude + block.code);
      done = await run(process.execPath, [script], { ...env, NO_COLOR: '1' });
      rmSync(script);
    } else {
      done = await run(block.language === 'sh' ? 'sh' : 'python3', ['-c', block.code], env);
    }
    const out = done.out.replaceAll('\r', '').replace(/\n*$/, '\n');
    assert.equal(done.status, 0, out);
    printed.set(block, out);
    if (!process.env.UPDATE_DOCS) assert.equal(out, block.output);
  });
}

test('every example that is to be run has an output, and there are some of each kind', () => {
  const runs = all.filter((block) => block.kind === 'run');
  assert.deepEqual(runs.filter((block) => block.output === undefined).map((block) => block.code), []);
  for (const language of ['js', 'sh', 'python']) assert.ok(runs.some((block) => block.language === language), language);
});

after(() => {
  if (!process.env.UPDATE_DOCS) return;
  let fresh = text;
  for (const [block, out] of [...printed].reverse()) fresh = fresh.slice(0, block.outputAt) + out + fresh.slice(block.outputAt + block.output.length);
  writeFileSync(file, fresh);
});
