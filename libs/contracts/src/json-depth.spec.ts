import { isDeeperThan } from './json-depth.js';

describe('the depth of JSON', () => {
  it.each([
    [0, 'text'],
    [0, null],
    [1, {}],
    [2, { a: [1, 2] }],
    [3, [{ a: [] }, 5]],
  ])('is %i levels for %j', (levels, value) => {
    expect(isDeeperThan(value, levels)).toBe(false);
    expect(isDeeperThan(value, levels - 1)).toBe(levels > 0);
  });

  it('a body of a mebibyte that is all nesting is found deep without overflowing the stack', () => {
    const body: unknown = JSON.parse('['.repeat(1 << 19) + ']'.repeat(1 << 19));
    expect(isDeeperThan(body, 64)).toBe(true);
    expect(isDeeperThan(body, 1 << 18)).toBe(true);
  });
});
