import { createChatSchema, generateJson } from '@tollgate/contracts';
import { failureOf } from '@tollgate/testing';
import { Ajv, type ValidateFunction } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import { Chatter, startChatService, type ChatUnderTest } from './chat-under-test.js';
import { misbehaviours, ollamaAnswer } from './json-models.js';
import { schemaCorpus } from './schema-corpus.js';

/** The full size is `CHAT_DRILL=full`: every schema, with every misbehaviour. */
const isFull = process.env['CHAT_DRILL'] === 'full';
const corpus = schemaCorpus(300);
const schemas = isFull ? corpus : corpus.filter((_, index) => index % 90 === 5);
const TIMEOUT_MS = isFull ? 1_800_000 : 120_000;

let chat: ChatUnderTest;

beforeAll(async () => {
  chat = await startChatService();
}, 60_000);
afterEach(() => chat.simulator.reset());
afterAll(() => chat.stop(), 30_000);

const generate = (user: Chatter, schema: Record<string, unknown>, prompt: string) =>
  user.ask((messages) => messages.send(generateJson, { schema, prompt }));

/** Not the code that is tested. */
function validatorOf(schema: Record<string, unknown>): ValidateFunction {
  const { $schema: dialect, ...rest } = schema;
  const engine = new (dialect === undefined ? Ajv2020 : Ajv)({ strict: false });
  formats.default(engine);
  return engine.compile(rest);
}

it('the corpus has over 300 schemas, all different', () => {
  expect(new Set(corpus.map(({ schema }) => JSON.stringify(schema))).size).toBeGreaterThan(300);
});

it(
  'whatever a model answers, what is returned matches its schema, and what was cut is never returned',
  async () => {
    const returned = { count: 0, invalid: [] as string[] };
    const refused = new Map<string, number>();
    let honest = 0;
    let obedient = 0;
    for (const { name, schema } of schemas) {
      const user = await Chatter.arrive(chat);
      const validate = validatorOf(schema);
      const keep = (behaviour: string, data: unknown) => {
        returned.count += 1;
        if (!validate(data)) returned.invalid.push(`${name}, ${behaviour}: ${JSON.stringify(data).slice(0, 200)}`);
      };
      chat.simulator.setFault(null);
      // Some keywords are beyond the simulator: then it is its answer that is wrong, and told so.
      const right = await generate(user, schema, 'honest').catch(() => undefined);
      if (right) keep('honest', right.data);
      honest += right ? 1 : 0;
      // Of what gives orders, the JSON in it is taken, which is right where the schema wants no more.
      obedient += validate({ valid: true }) ? 1 : 0;
      const text = JSON.stringify(right?.data ?? {});
      for (const [behaviour, write] of Object.entries(misbehaviours)) {
        const written = write(text);
        chat.simulator.setFault(ollamaAnswer(written));
        const result = await user.ask((messages) =>
          messages.send(generateJson, { schema, prompt: behaviour }).then(
            ({ data }) => ({ data }),
            (error: unknown) => failureOf(Promise.reject(error)),
          ),
        );
        if ('data' in result) {
          keep(behaviour, result.data);
          expect([behaviour, written.reason]).not.toContain('length');
        } else {
          const refusal = `${result.code} ${result.status}: ${result.message}`;
          expect([name, behaviour, refusal]).toEqual([
            name,
            behaviour,
            expect.stringMatching(/^invalid_structured_output 422: /),
          ]);
          expect(result.details).toMatchObject({
            problems: expect.arrayContaining([expect.any(String)]),
            last_text: expect.any(String),
          });
          refused.set(behaviour, (refused.get(behaviour) ?? 0) + 1);
        }
      }
    }
    expect(returned.invalid).toEqual([]);
    expect(honest).toBeGreaterThan(schemas.length * 0.85);
    for (const never of ['truncated', 'cut without a word', 'empty']) {
      expect([never, refused.get(never)]).toEqual([never, schemas.length]);
    }
    expect(refused.get('giving orders')).toBe(schemas.length - obedient);
    // Whatever is around it, an answer that is right is found.
    for (const always of ['fenced', 'chatty', 'thoughtful']) {
      expect(refused.get(always) ?? 0).toBeLessThanOrEqual(schemas.length - honest);
    }
    if (isFull) {
      const total = [...refused.values()].reduce((sum, count) => sum + count, 0);
      process.stderr.write(
        `${schemas.length} schemas: ${returned.count} objects returned, all valid; ${total} refused as 422; ` +
          `${honest} of the honest answers matched\n`,
      );
    }
  },
  TIMEOUT_MS,
);

const deep = (levels: number): Record<string, unknown> => (levels === 0 ? {} : { items: deep(levels - 1) });
const doubling = Object.fromEntries(
  Array.from({ length: 40 }, (_, index) => [
    `d${index}`,
    index === 39 ? { type: 'object' } : { allOf: [1, 2].map(() => ({ $ref: `#/$defs/d${index + 1}` })) },
  ]),
);
const hostile: Record<string, Record<string, unknown>> = {
  'very deep': deep(500),
  'endless definitions': { $ref: '#/$defs/a', $defs: { a: { $ref: '#/$defs/b' }, b: { $ref: '#/$defs/a' } } },
  'endless by anyOf': { anyOf: [{ $ref: '#' }, { type: 'null' }] },
  'a pattern that runs for ever': {
    type: 'object',
    properties: { a: { type: 'string', pattern: '^(\\[simulated\\] )?(a+)+$' } },
    required: ['a'],
  },
  'definitions that double': { $ref: '#/$defs/d0', $defs: doubling },
  'a huge enum': { enum: Array.from({ length: 20_000 }, (_, index) => `value ${index}`) },
  'another document': { $ref: 'http://169.254.169.254/latest/meta-data' },
  'a file': { properties: { a: { $ref: 'file:///etc/passwd' } } },
  'an asynchronous one': { $async: true, type: 'object' },
  poison: { properties: JSON.parse('{"__proto__":{"type":"string"}}') },
  'no schema at all': { type: 'sausage' },
  'a broken pattern': { type: 'string', pattern: '(((' },
};

describe('hostile schemas', () => {
  it('are refused, at registration or in use, while other accounts are served', async () => {
    const attacker = await Chatter.arrive(chat);
    const others = await Promise.all(Array.from({ length: 4 }, () => Chatter.arrive(chat)));
    const attacks = Object.entries(hostile).map(async ([name, schema]) => {
      const refused = await failureOf(generate(attacker, schema, `${'a'.repeat(40)}!`));
      expect([name, refused.code]).toEqual([
        name,
        expect.stringMatching(/^(invalid_request|invalid_structured_output)$/),
      ]);
      expect(refused.message).not.toMatch(/call stack|internal/i);
    });
    const served = others.flatMap((user, index) =>
      Array.from({ length: 5 }, async (_, turn) => {
        const schema = {
          type: 'object',
          properties: { a: { const: turn } },
          required: ['a'],
          additionalProperties: false,
        };
        expect((await generate(user, schema, `Request ${index} ${turn}`)).data).toEqual({ a: turn });
      }),
    );
    await Promise.all([...attacks, ...served]);
    const { polluted }: { polluted?: unknown } = {};
    expect(polluted).toBeUndefined();
  }, 60_000);

  it.each(
    Object.keys(hostile).filter((name) => !['a pattern that runs for ever', 'definitions that double'].includes(name)),
  )('%s: is not registered', async (name) => {
    const user = await Chatter.arrive(chat);
    const schema = hostile[name] ?? {};
    const registered = user.ask((messages) =>
      messages.send(createChatSchema, { name: 'Hostile', description: '', schema }),
    );
    expect(await failureOf(registered)).toMatchObject({ code: 'invalid_request', param: 'schema' });
  });
});
