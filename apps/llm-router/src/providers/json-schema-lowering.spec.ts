import { fitsStrictMode, toGrammarSchema } from './json-schema-lowering.js';

const closed = (properties: Record<string, unknown>, required = Object.keys(properties)) => ({
  type: 'object',
  properties,
  required,
  additionalProperties: false,
});

describe("OpenAI's strict mode", () => {
  it.each([
    ['closed objects with all properties required', closed({ a: { type: 'string' }, b: closed({}) }), true],
    ['unions below the root', closed({ a: { anyOf: [{ type: 'null' }, closed({ b: {} })] } }), true],
    ['an optional property', closed({ a: {}, b: {} }, ['a']), false],
    ['an open object', { type: 'object', properties: {}, required: [] }, false],
    ['an open object inside a list', closed({ a: { type: 'array', items: { type: 'object' } } }), false],
    ['an open definition', { ...closed({ a: { $ref: '#/$defs/B' } }), $defs: { B: { type: 'object' } } }, false],
    ['allOf', closed({ a: { allOf: [{}] } }), false],
    ['a union at the root', { anyOf: [closed({})] }, false],
    ['a list at the root', { type: 'array', items: {} }, false],
  ])('%s', (_, schema, fits) => {
    expect(fitsStrictMode(schema)).toBe(fits);
  });
});

describe('a schema for a grammar', () => {
  it('has its references inlined, constants as choices and only anchored patterns', () => {
    const schema = {
      $defs: { Level: { enum: ['low', 'high'] }, 'a/b': { type: 'integer' } },
      type: 'object',
      properties: {
        level: { $ref: '#/$defs/Level', description: 'how bad' },
        slash: { $ref: '#/$defs/a~1b' },
        kind: { const: 'report' },
        open: { type: 'string', pattern: 'x+' },
        anchored: { type: 'string', pattern: '^x+$' },
      },
    };
    expect(toGrammarSchema(schema)).toEqual({
      type: 'object',
      properties: {
        level: { enum: ['low', 'high'], description: 'how bad' },
        slash: { type: 'integer' },
        kind: { enum: ['report'] },
        open: { type: 'string' },
        anchored: { type: 'string', pattern: '^x+$' },
      },
    });
  });

  it('keeps properties that have the names of keywords, and values that look like schemas', () => {
    const names = { $ref: { const: 1 }, const: {}, pattern: {}, $defs: {}, definitions: {}, enum: {} };
    expect(toGrammarSchema({ properties: names, default: { const: 1 } })).toEqual({
      properties: { ...names, $ref: { enum: [1] } },
      default: { const: 1 },
    });
  });

  it('ends on references without end and to nowhere', () => {
    const endless = { type: 'object', properties: { next: { $ref: '#' } } };
    expect(JSON.stringify(toGrammarSchema(endless)).length).toBeLessThan(2_000);
    expect(toGrammarSchema({ properties: { a: { $ref: '#/$defs/gone' }, b: { $ref: 'https://x/y' } } })).toEqual({
      properties: { a: {}, b: {} },
    });
  });

  it('branches without bound are cut, not followed', () => {
    const properties = Object.fromEntries(['a', 'b', 'c'].map((name) => [name, { $ref: '#' }]));
    const lowered = JSON.stringify(toGrammarSchema({ type: 'object', properties }));
    expect(lowered.length).toBeLessThan(50_000);
  });
});
