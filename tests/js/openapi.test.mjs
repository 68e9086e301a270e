// The OpenAPI text itself: two linters find nothing, and each role gets what it may see.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createConfig, lintFromString } from '@redocly/openapi-core';
import { Validator } from '@seriousme/openapi-schema-validator';
import { Server } from './lib/server.mjs';

const server = new Server();
let text;

before(async () => {
  server.fill();
  await server.start();
  text = await (await server.socketFetch('http://x/rest/v1/')).text();
});
after(() => server.stop());

async function schemaFaults(doc) {
  const { valid, errors } = await new Validator().validate(doc);
  return valid ? [] : [JSON.stringify(errors).slice(0, 2000)];
}

async function lintFaults(source) {
  const config = await createConfig({ extends: ['recommended'] });
  const found = await lintFromString({ source, config });
  return found.filter((f) => !(f.severity === 'warn' && f.ruleId === 'no-unused-components')).map((f) => `${f.ruleId}: ${f.message} at ${f.location[0].pointer}`);
}

test('the text is valid OpenAPI 3.1', async () => assert.deepEqual(await schemaFaults(JSON.parse(text)), []));

test('the usual linter has nothing to say', async () => assert.deepEqual(await lintFaults(text), []));

test('both see a text that is wrong', async () => {
  const wrong = JSON.parse(text);
  delete wrong.info.title;
  assert.notDeepEqual(await schemaFaults(structuredClone(wrong)), []);
  const doubled = JSON.parse(text);
  doubled.paths['/rest/v1/daily_metrics'].get.operationId = doubled.paths['/rest/v1/content'].get.operationId;
  assert.notDeepEqual(await lintFaults(JSON.stringify(doubled)), []);
});

test('every reference leads somewhere', () => {
  const doc = JSON.parse(text);
  const references = [...text.matchAll(/"\$ref":\s*"#\/([^"]*)"/g)].map((m) => m[1]);
  assert.ok(references.length > 1000);
  for (const reference of new Set(references)) {
    let node = doc;
    for (const step of reference.split('/')) node = node?.[step];
    assert.ok(node, reference);
  }
});

test('the path says what media types it has', async () => {
  for (const [accept, status, type] of [
    [undefined, 200, 'application/openapi+json'], ['*/*', 200, 'application/openapi+json'], ['application/json', 200, 'application/json'],
    ['application/openapi+json, application/json', 200, 'application/openapi+json'], ['text/csv', 406, 'application/json'],
  ]) {
    const answer = await server.socketFetch('http://x/rest/v1/', { headers: accept ? { accept } : {} });
    assert.equal(answer.status, status, accept);
    assert.equal(answer.headers.get('content-type').split(';')[0], type, accept);
    const body = await answer.json();
    if (status === 200) assert.deepEqual(body, JSON.parse(text));
    else assert.deepEqual(Object.keys(body).sort(), ['code', 'details', 'hint', 'message']);
  }
});

test('the root answers it where OpenAPI is asked for', async () => {
  const answer = await server.socketFetch('http://x/', { headers: { accept: 'application/openapi+json' } });
  assert.deepEqual(await answer.json(), JSON.parse(text));
});
