import { KnownNumbers } from './known-numbers.js';
import { checkNumbers } from './numbers.js';

const evidence = `# Log: 4210 lines, 4180 events, 2026-01-15T10:00:00.000Z to 2026-01-15T11:00:00.000Z
Levels: info 4120, error 60. 12 templates, 1 error groups, 1 anomalies.
## Error groups
- [high; database; level error] 60× Database connection failed after <*> ms
  first L1812, last L4207, began
  e.g. L1812: 2026-01-15T10:25:03.120Z ERROR db: connection to <IP_1> failed after 1500 ms, status:503
## Anomalies
- silence (confidence 0.93): "heartbeat from <*>" did not come for 12 min, usually every 30 s
  L402, L403`;
const known = new KnownNumbers(evidence, { totals: [4_210, 4_180], spanMs: 3_600_000 }, 'what was at 10:40?');

const check = (text: string) =>
  checkNumbers(
    { summary: { text, lines: [1_812] }, findings: [], recommendations: [], valid: 1, removed: 0, claimsRemoved: 0 },
    known,
  );

describe('a number of a narrative stays when the evidence has it', () => {
  it.each([
    'The database failed 60 times.',
    'There are 4,210 lines.',
    'About 4,200 lines were read, nearly all of them harmless.',
    'It failed after 1.5 s, or 1500 milliseconds.',
    'The heartbeat was missing for 12 minutes, usually every 30 seconds, in an hour.',
    'It began at 10:25:03, on January 15, 2026.',
    'It began at 10:25 AM.',
    'At 10:40 nothing else happened.',
    'Lines 402 to 403 show it, and so does L1812.',
    'It answered 503 to <IP_1>.',
    '60 of 4180 events are errors, 1.4 % of them.',
    'Sixty connections failed.',
    'The peer uses IPv4 and UTF-8.',
    'Confidence is 0.93.',
    'Nothing else is known.',
  ])('%s', (text) => {
    expect(check(text)).toMatchObject({ summary: { text }, numbers: { sentencesRemoved: 0 } });
  });
});

describe('a sentence goes when the evidence does not have its number', () => {
  it.each([
    ['a count that was made up', 'The database failed 61 times.'],
    ['a line number taken for a count', 'There were 1812 errors.'],
    ['a part of a time taken for a count', 'There were 25 failures.'],
    ['a line that nobody saw', 'See lines 402 to 999.'],
    ['a rounded number that does not say so', 'There are 4200 lines.'],
    ['one that is rounded too far', 'About 5000 lines were read.'],
    ['another unit', 'It failed after 1500 minutes.'],
    ['another duration', 'The heartbeat was missing for 13 minutes.'],
    ['a share of nothing', '37 % of all requests failed.'],
    ['another time', 'It began at 10:26.'],
    ['minutes and seconds taken for a time', 'It began at 25:03.'],
    ['another half of the day', 'It began at 10:25 PM.'],
    ['another day', 'It began on January 16.'],
    ['another address', 'The peer was 10.9.8.7.'],
    ['a pseudonym that there is not', 'The peer was <IP_2>.'],
    ['a written number', 'Seventy connections failed.'],
    ['written hundreds of thousands', 'Two hundred thousand requests failed.'],
    ['a vague plural', 'Millions of requests failed.'],
    ['zero', 'There were zero errors.'],
    ['a number with a sign behind it', 'It failed 999× in all.'],
    ['a negative', 'The balance was -61.'],
    ['thousands with a letter', 'There were 42k lines.'],
    ['an invented identifier', 'Order ord-99817 was lost.'],
  ])('%s', (_what, text) => {
    expect(check(text)).toMatchObject({ summary: undefined, numbers: { sentencesRemoved: 1 }, claimsRemoved: 1 });
  });

  it('and the others of its claim stay', () => {
    expect(check('The database failed. It did so 61 times. It began at 10:25.')).toMatchObject({
      summary: { text: 'The database failed. It began at 10:25.' },
      numbers: { valid: 1, sentencesRemoved: 1 },
      claimsRemoved: 0,
    });
  });
});
