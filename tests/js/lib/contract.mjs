// The published OpenAPI text as a judge: was this answer promised? Every answer that a test gets goes through here.
import Ajv2020 from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';

const media = (value) => (value ?? '').split(';')[0].trim().toLowerCase();

const splitSelect = (text) => text.match(/(?:"[^"]*"|\([^)]*\)|[^,"(])+/g)?.map((s) => s.trim()).filter((s) => s) ?? [];
const CASTS = {
  text: 'string', varchar: 'string', date: 'string', timestamptz: 'string', uuid: 'string', bool: 'boolean', boolean: 'boolean', int: 'integer', int2: 'integer', int4: 'integer',
  int8: 'integer', integer: 'integer', bigint: 'integer', smallint: 'integer', numeric: 'number', float8: 'number', float4: 'number', real: 'number', decimal: 'number',
};

// One item of a select: what it is called in the rows, and what it may be there. null: nothing is promised of it.
function selected(item, properties) {
  const unquoted = (s) => s.replace(/^"(.*)"$/, '$1');
  const [, alias, rest] = item.match(/^(?:("[^"]*"|[^":(.]+):(?!:))?(.*)$/);
  const [, expression, cast] = rest.match(/^(.*?)(?:::(\w+))?$/);
  const [, of, aggregate] = expression.match(/^(?:(.*?)(?:::\w+)?\.)?(count|sum|avg|min|max)\(\)$/) ?? [null, expression, null];
  const steps = (of ?? '').split(/->>?/), column = unquoted(steps[0]), last = unquoted(steps.at(-1));
  const name = alias ? unquoted(alias) : aggregate ?? (steps.length > 1 && /^\d+$/.test(last) ? unquoted(steps.at(-2)) : last);
  if (of && !(column in properties)) throw new Error(`${item} is of no column of the text`);
  if (cast) return { name, schema: CASTS[cast] && { type: [CASTS[cast], 'null'] } };
  if (aggregate === 'count') return { name, schema: { type: 'integer', minimum: 0 } };
  if (aggregate === 'sum' || aggregate === 'avg') return { name, schema: { type: ['number', 'null'] } };
  if (steps.length > 1) return { name, schema: /->>[^>]*$/.test(of) ? { type: ['string', 'null'] } : null };
  return { name, column, maybe: aggregate !== null };
}

export class Contract {
  constructor(text) {
    this.text = text;
    this.answers = 0;
    this.broken = []; // what was not as promised, since the last look
    this.ajv = new Ajv2020({ strict: false, allErrors: true });
    addFormats(this.ajv);
    this.ajv.addSchema({ ...text, $id: 'http://openapi/text' });
    this.compiled = new Map();
  }

  // A $ref resolved, with the pointer at which it lies.
  #at(pointer) {
    let node = this.text;
    for (const step of pointer.split('/').slice(1)) node = node?.[step.replaceAll('~1', '/').replaceAll('~0', '~')];
    if (node === undefined) throw new Error(`the text has nothing at ${pointer}`);
    return node.$ref ? this.#at(node.$ref) : { pointer, node };
  }

  #validate(pointer, value, what) {
    if (!this.compiled.has(pointer)) this.compiled.set(pointer, this.ajv.compile({ $ref: `http://openapi/text${pointer.replaceAll('%', '%25')}` }));
    const check = this.compiled.get(pointer);
    if (!check(value)) {
      throw new Error(`${what} is not what ${pointer} promises: ${this.ajv.errorsText(check.errors, { separator: '; ' }).slice(0, 1000)}\n${JSON.stringify(value).slice(0, 1000)}`);
    }
  }

  operation(method, pathname) {
    const path = pathname.replace(/^\/w\/[^/]+(?=\/rest\/)/, '').replace(/(?<=.)\/$/, '');
    const pointer = `#/paths/${path.replaceAll('~', '~0').replaceAll('/', '~1')}`;
    return this.text.paths[path]?.[method] && { pointer: `${pointer}/${method}`, node: this.text.paths[path][method] };
  }

  /** Throws unless the text promises this answer. */
  check({ method, url, status, headers, body }) {
    const { pathname, searchParams } = new URL(url);
    const what = `${method} ${pathname}${new URL(url).search}: ${status}`;
    const operation = this.operation(method.toLowerCase(), pathname);
    this.answers++;
    if (!operation) {
      // what the role does not see has no rows, as row level security has it; everything else that is not in the text is refused
      if (status === 200 && (method === 'HEAD' ? headers.get('content-range')?.startsWith('*/') : body.trim() === '[]')) return;
      if (status < 400) throw new Error(`${what}, but the text knows no such operation`);
      return this.#content(this.#at('#/components/responses/error'), method, headers, body, what);
    }
    const promised = operation.node.responses;
    const key = [String(status), `${String(status)[0]}XX`, 'default'].find((k) => promised[k]);
    if (!key || (key === 'default' && status < 400)) throw new Error(`${what}: the text does not know this status`);
    const answer = this.#at(`${operation.pointer}/responses/${key}`);
    for (const name of Object.keys(answer.node.headers ?? {})) {
      const value = headers.get(name), schema = this.#at(`${answer.pointer}/headers/${name}`);
      if (value !== null) this.#validate(`${schema.pointer}/schema`, schema.node.schema.type === 'integer' ? Number(value) : value, `${what}, header ${name} "${value}"`);
    }
    if (status < 400) this.#parameters(operation, searchParams, what);
    // names and types that the request chose itself are no longer the text's
    const own = status < 300 && /[:>(]/.test(searchParams.get('select') ?? '');
    const value = this.#content(answer, method, headers, body, what, own);
    if (status >= 300 || value === undefined) return;
    if (own) this.#own(answer, searchParams.get('select'), /nulls=stripped/.test(headers.get('content-type')), value, what);
    else if (method === 'GET') this.#columns(pathname, searchParams, value, what);
  }

  #content(answer, method, headers, body, what, own = false) {
    const promised = answer.node.content, type = media(headers.get('content-type'));
    if (method === 'HEAD' || body === '') {
      if (method !== 'HEAD' && promised && !answer.node['x-may-be-empty']) throw new Error(`${what} has no body, but the text promises ${Object.keys(promised)}`);
      return undefined;
    }
    if (!promised?.[type]) throw new Error(`${what} is ${type}, but the text knows ${Object.keys(promised ?? {})} (${body.slice(0, 300)})`);
    const pointer = `${answer.pointer}/content/${type.replaceAll('/', '~1')}/schema`;
    if (!type.endsWith('json')) return void this.#validate(pointer, body, what);
    if (type === 'application/x-ndjson') {
      // a line is what a member of the array is
      if (!body.endsWith('\n')) throw new Error(`${what}: the last line has no end`);
      const lines = body.split('\n').slice(0, -1).map((line) => JSON.parse(line));
      if (!own) this.#validate(`${answer.pointer}/content/application~1json/schema`, lines, what);
      return lines;
    }
    const value = JSON.parse(body);
    if (!own) this.#validate(pointer, value, what);
    else if (type === 'application/json' && !Array.isArray(value)) throw new Error(`${what} is no array`);
    return value;
  }

  #parameters(operation, searchParams, what) {
    const known = (operation.node.parameters ?? []).map((_, i) => this.#at(`${operation.pointer}/parameters/${i}`).node).filter((p) => p.in === 'query');
    for (const name of searchParams.keys()) {
      const found = known.some((p) => p.name === name || (p.schema.type === 'object' && name.startsWith(p.name.replace('METRIC', ''))) || name.startsWith(`${p.name}->`));
      if (!found) throw new Error(`${what}: the parameter ${name} is not in the text`);
    }
  }

  // The text's schema of one row of this answer: [pointer, node], and null where it says nothing of rows.
  #row(answer) {
    if (!answer.node.content?.['application/json']) return null;
    let at = this.#at(`${answer.pointer}/content/application~1json/schema`);
    if (at.node.items) at = this.#at(`${at.pointer}/items`);
    return at.node.properties ? at : null;
  }

  // Names and types that the request chose: those of the columns that they are made of.
  #own(answer, select, stripped, value, what) {
    const row = this.#row(answer);
    if (!row) return;
    const items = [];
    for (const item of splitSelect(select)) {
      if (item !== '*') items.push(selected(item, row.node.properties));
      else for (const [name, p] of Object.entries(row.node.properties)) if (!p['x-by-name-only']) items.push({ name, column: name });
    }
    const names = new Set(items.map((i) => i.name));
    for (const one of Array.isArray(value) ? value : [value]) {
      const missing = [...names].filter((n) => !stripped && !(n in one)), more = Object.keys(one).filter((n) => !names.has(n));
      if (missing.length + more.length > 0) throw new Error(`${what}: a row lacks [${missing}] and has [${more}] beside what was asked for`);
      for (const { name, column, schema, maybe } of items) {
        if (!(name in one) || schema === null || (maybe && one[name] === null)) continue;
        if (column) this.#validate(`${row.pointer}/properties/${column}`, one[name], `${what}, ${name}`);
        else if (schema && !this.ajv.validate(schema, one[name])) throw new Error(`${what}: ${name} is ${JSON.stringify(one[name])}, not ${JSON.stringify(schema)}`);
      }
    }
  }

  // A schema of rows cannot say which columns were asked for; the request does.
  #columns(pathname, searchParams, value, what) {
    const relation = this.text.components.schemas[pathname.match(/\/rest\/v1\/([A-Za-z_]+)$/)?.[1]];
    const select = searchParams.get('select') ?? '*';
    if (!relation || !/^(\*|[\w ,]+)$/.test(select)) return;
    const wanted = select === '*' ? Object.keys(relation.properties).filter((name) => !relation.properties[name]['x-by-name-only']) : select.split(',').map((s) => s.trim());
    for (const row of Array.isArray(value) ? value : [value]) {
      const missing = wanted.filter((name) => !(name in row)), more = Object.keys(row).filter((name) => !wanted.includes(name));
      if (missing.length + more.length > 0) throw new Error(`${what}: a row lacks [${missing}] and has [${more}] beside what was asked for`);
    }
  }

  /** What was found since the last call. Clients turn what fetch() throws into results of their own, so ask. */
  look() {
    return this.broken.splice(0);
  }

  /** A fetch() that judges. */
  judged(fetch = globalThis.fetch) {
    return async (input, init = {}) => {
      const request = new Request(input, init);
      const method = request.method, url = request.url;
      const answer = await fetch(request);
      const body = await answer.clone().text();
      try {
        this.check({ method, url, status: answer.status, headers: answer.headers, body });
      } catch (error) {
        this.broken.push(error.message);
      }
      return answer;
    };
  }
}
