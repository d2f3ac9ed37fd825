import { checkSchemaLimits } from './schema-limits.js';

const nested = (levels: number): Record<string, unknown> =>
  levels === 0 ? { type: 'string' } : { type: 'array', items: nested(levels - 1) };

it.each([
  ['too deep', nested(40), 'deeper than 32'],
  ['too large', { description: 'x'.repeat(70_000) }, 'larger than 65536'],
  ['of too many parts', { anyOf: Array.from({ length: 6_000 }, () => ({})) }, 'more than 5000'],
  ['another document', { $ref: 'http://169.254.169.254/latest' }, 'another document'],
  ['a long pattern', { pattern: 'a'.repeat(600) }, 'pattern'],
  ['asynchronous', { $async: true }, 'asynchronous'],
  ['endless', { $defs: { a: { $ref: '#/$defs/b' }, b: { $ref: '#/$defs/a' } }, $ref: '#/$defs/a' }, 'in a circle'],
  ['poisonous', JSON.parse('{"properties":{"__proto__":{"type":"string"}}}'), '__proto__'],
])('a schema that is %s is refused before anybody compiles it', (_, schema, problem) => {
  expect(() => checkSchemaLimits(schema)).toThrow(problem);
});

it('an ordinary schema passes, properties with the names of keywords too', () => {
  const schema = { $defs: { a: { type: 'string' } }, properties: { pattern: { $ref: '#/$defs/a' }, $async: {} } };
  expect(() => checkSchemaLimits(schema)).not.toThrow();
  expect(() => checkSchemaLimits(nested(20))).not.toThrow();
});
