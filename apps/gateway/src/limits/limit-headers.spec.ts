import { goDuration, limitHeaders } from './limit-headers.js';

describe('the headers of limits', () => {
  it('follow the draft for every quota and OpenAI for the first', () => {
    expect(
      limitHeaders([
        { name: 'minute', max: 20, used: 8, endsInMs: 29_001, windowSeconds: 60 },
        { name: 'day', max: 1_000, used: 1_001, endsInMs: 41_000_000, windowSeconds: 86_400 },
        { name: 'at-once', max: 2, used: 1, endsInMs: 0 },
      ]),
    ).toEqual({
      'ratelimit-policy': '"minute";q=20;w=60, "day";q=1000;w=86400, "at-once";q=2;qu="concurrent-requests"',
      ratelimit: '"minute";r=12;t=30, "day";r=0;t=41000, "at-once";r=1;t=0',
      'x-ratelimit-limit-requests': '20',
      'x-ratelimit-remaining-requests': '12',
      'x-ratelimit-reset-requests': '29.1s',
    });
  });

  it.each([
    [0, '0ms'],
    [11.2, '12ms'],
    [1_500, '1.5s'],
    [360_000, '6m0s'],
    [61_000, '1m1s'],
  ])('write %d ms as %s', (ms, text) => {
    expect(goDuration(ms)).toBe(text);
  });
});
