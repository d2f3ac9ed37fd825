import { childTraceparent, scrub, traceIdOf } from './index.js';

describe('scrub', () => {
  it.each([
    ['a JWT', 'got eyJhbGciOi.eyJzdWIiOi.c2lnbmF0dXJl here'],
    ['an API key', 'key sk-abcdefghijklmnop1234'],
    ['a refresh token', 'token tgr_abcdefghijklmnop1234'],
    ['a password in a URL', 'at postgresql://user:hunter2@localhost:5432/db'],
  ])('masks %s and leaves the rest', (_, text) => {
    const scrubbed = scrub(text);
    expect(scrubbed).toContain('[redacted]');
    expect(scrubbed).not.toMatch(/eyJ|abcdefghijklmnop|hunter2/);
    expect(scrubbed.split(' ')[0]).toBe(text.split(' ')[0]);
  });

  it('keeps ordinary text as it is', () => {
    const text = 'the task-based approach to https://example.com:8080/x';
    expect(scrub(text)).toBe(text);
  });
});

describe('childTraceparent', () => {
  const trace = 'a'.repeat(32);

  it('stays in the trace with a new span', () => {
    const child = childTraceparent(`00-${trace}-${'b'.repeat(16)}-01`);
    expect(traceIdOf(child)).toBe(trace);
    expect(child).not.toContain('b'.repeat(16));
  });

  it.each([undefined, '', 'garbage', `00-${'0'.repeat(32)}-${'b'.repeat(16)}-01`, `ff-${trace}-${'b'.repeat(16)}-01`])(
    'starts a new trace from %p',
    (parent) => {
      expect(childTraceparent(parent)).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
      expect(traceIdOf(childTraceparent(parent))).not.toBe(trace);
    },
  );
});
