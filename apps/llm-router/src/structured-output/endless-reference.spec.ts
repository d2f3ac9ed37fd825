import { hasEndlessReference } from './endless-reference.js';

describe('a schema that would be judged for ever', () => {
  it.each([
    ['refers to itself', { $ref: '#' }],
    [
      'has definitions that refer to each other',
      { $ref: '#/$defs/a', $defs: { a: { $ref: '#/$defs/b' }, b: { $ref: '#/$defs/a' } } },
    ],
    ['comes back by way of anyOf', { anyOf: [{ type: 'null' }, { $ref: '#' }] }],
    ['comes back by way of not', { $defs: { a: { not: { allOf: [{ $ref: '#/$defs/a' }] } } }, $ref: '#/$defs/a' }],
    ['comes back by an anchor', { $defs: { a: { $anchor: 'here', if: { $ref: '#here' } } } }],
    ['comes back by a pointer with escapes', { $defs: { 'a/b~c': { $ref: '#/$defs/a~1b~0c' } } }],
    ['comes back by way of a schema for a property that is there', { dependentSchemas: { x: { $ref: '#' } } }],
  ])('%s', (_what, schema) => {
    expect(hasEndlessReference(schema)).toBe(true);
  });

  it.each([
    ['a tree', { properties: { children: { type: 'array', items: { $ref: '#' } } } }],
    [
      'a list by definitions',
      {
        $ref: '#/$defs/a',
        $defs: { a: { properties: { next: { anyOf: [{ $ref: '#/$defs/a' }, { type: 'null' }] } } } },
      },
    ],
    [
      'a definition that is used twice',
      { allOf: [{ $ref: '#/$defs/a' }, { $ref: '#/$defs/a' }], $defs: { a: { type: 'object' } } },
    ],
    ['a reference to nothing', { $ref: '#/$defs/missing' }],
    ['properties with the names of keywords', { properties: { not: { $ref: '#' }, $ref: { type: 'string' } } }],
  ])('is not %s', (_what, schema) => {
    expect(hasEndlessReference(schema)).toBe(false);
  });
});
