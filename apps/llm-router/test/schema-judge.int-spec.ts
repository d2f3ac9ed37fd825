import { SchemaJudge } from '../src/structured-output/schema-judge.service.js';

let judge: SchemaJudge;
beforeAll(() => (judge = new SchemaJudge()));
afterAll(() => judge.onApplicationShutdown());

const person = {
  type: 'object',
  properties: {
    name: { type: 'string' },
    email: { type: 'string', format: 'email' },
    tags: { prefixItems: [{ const: 1 }] },
  },
  required: ['name'],
  additionalProperties: false,
};

const ask = (schema: object, value?: unknown, account = 'anybody') =>
  judge.judge({ schema: JSON.stringify(schema), ...(value !== undefined && { json: JSON.stringify(value) }) }, account);

describe('an answer is judged', () => {
  it('by draft 2020-12, with formats, and every problem is named', async () => {
    expect(await ask(person, { name: 'Ada', email: 'ada@example.com', tags: [1] })).toEqual({ verdict: 'valid' });
    const judged = await ask(person, { email: 'nobody', tags: [2], age: 3 });
    expect(judged).toEqual({
      verdict: 'invalid',
      problems: expect.arrayContaining([
        "/: must have required property 'name'",
        '/: must NOT have additional properties (age)',
        '/email: must match format "email"',
        '/tags/0: must be equal to constant',
      ]),
    });
  });

  it('by draft 07 where the schema says so', async () => {
    const schema = { $schema: 'http://json-schema.org/draft-07/schema#', items: [{ type: 'string' }] };
    expect(await ask(schema, [1])).toMatchObject({ verdict: 'invalid' });
  });

  it('by a recursive schema', async () => {
    const tree = {
      type: 'object',
      properties: { children: { type: 'array', items: { $ref: '#' } } },
      required: ['children'],
    };
    expect(await ask(tree, { children: [{ children: [] }] })).toEqual({ verdict: 'valid' });
    expect(await ask(tree, { children: [{}] })).toMatchObject({ verdict: 'invalid' });
  });
});

describe('a schema that', () => {
  it('is none is told from one that is', async () => {
    expect(await ask({ type: 'sing' })).toMatchObject({ verdict: 'bad_schema' });
    expect(await ask({ $ref: '#/$defs/nowhere' })).toMatchObject({ verdict: 'bad_schema' });
    expect(await ask({ pattern: '(' })).toMatchObject({ verdict: 'bad_schema' });
    expect(await ask(person)).toEqual({ verdict: 'valid' });
  });

  it('would run for ever is ended, and keeps no other account waiting, however many of them one sends', async () => {
    const evil = { type: 'string', pattern: '^(a+)+$' };
    let attacksEnded = 0;
    const attacks = Array.from({ length: 4 }, async (_, index) => {
      const verdict = await ask({ ...evil, title: String(index) }, `${'a'.repeat(40)}!`, 'attacker');
      attacksEnded += 1;
      return verdict;
    });
    const others = Array.from({ length: 20 }, (_, index) => ask(person, { name: 'Ada' }, `account ${index % 5}`));
    for (const verdict of await Promise.all(others)) expect(verdict).toEqual({ verdict: 'valid' });
    expect(attacksEnded).toBeLessThan(4);
    for (const verdict of await Promise.all(attacks)) expect(verdict).toEqual({ verdict: 'too_costly' });
    expect(await ask(person, { name: 'Ada' }, 'attacker')).toEqual({ verdict: 'valid' });
  });

  it('would fill the memory costs its thread and nothing else', async () => {
    const choices = Array.from({ length: 200 }, (_, index) => ({
      properties: { a: { enum: [index] } },
      required: ['b'],
    }));
    const hungry = { items: { allOf: [{ anyOf: choices }, { anyOf: choices }] } };
    const json = JSON.stringify(Array.from({ length: 20_000 }, () => ({ a: 'x' })));
    expect(await judge.judge({ schema: JSON.stringify(hungry), json }, 'anybody')).toEqual({ verdict: 'too_costly' });
    expect(await ask(person, { name: 'Ada' })).toEqual({ verdict: 'valid' });
  });
});
