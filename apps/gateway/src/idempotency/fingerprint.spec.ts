import { canonicalJson, fingerprintOf } from './fingerprint.js';

describe('the fingerprint of a request', () => {
  it('is the same however its keys are ordered, at any depth', () => {
    const one = { text: 'x', settings: { a: 1, b: [{ c: 2, d: null }] } };
    const other = { settings: { b: [{ d: null, c: 2 }], a: 1 }, text: 'x' };
    expect(fingerprintOf('/a', one)).toEqual(fingerprintOf('/a', other));
  });

  it.each([
    ['another value', { text: 'x' }, { text: 'y' }],
    ['another order of a list', { list: [1, 2] }, { list: [2, 1] }],
    ['a number for its text', { n: 1 }, { n: '1' }],
    ['null for nothing', { n: null }, {}],
    ['a key that looks like two', { 'a":1,"b': 2 }, { a: 1, b: 2 }],
  ])('is another one for %s', (_what, one, other) => {
    expect(canonicalJson(one)).not.toBe(canonicalJson(other));
    expect(fingerprintOf('/a', one)).not.toEqual(fingerprintOf('/a', other));
  });

  it('is another one for another route', () => {
    expect(fingerprintOf('/a', {})).not.toEqual(fingerprintOf('/b', {}));
  });
});
