import { LogTask } from '@tollgate/contracts';
import { analyzeLog } from '@tollgate/logs';
import { describeFindings } from './describe-findings.js';
import { findingsFor } from './findings.js';
import { logTextOf } from './log-text.js';

const log = [
  ...Array.from({ length: 40 }, (_, index) => `2026-01-01T00:00:${10 + index}Z INFO web: request ${index} answered`),
  ...Array.from({ length: 3 }, (_, index) => `2026-01-01T00:01:0${index}Z ERROR database: connection ${index} refused`),
].join('\n');

describe('the findings of a log', () => {
  it('have the counts of errors by category and severity', async () => {
    expect(findingsFor('detect-errors', await analyzeLog([log]))).toMatchObject({
      error_count: 3,
      group_count: 1,
      errors: [{ count: 3, lines: [41, 43], first_seen: '2026-01-01T00:01:00.000Z' }],
      key_metrics: { lines: 43, events: 43, levels: { info: 40, error: 3 } },
    });
  });

  it.each(LogTask.options)('of %s can be told without a model, with the lines that show them', async (task) => {
    const text = describeFindings(task, await analyzeLog([log]));
    expect(text).toMatch(/^43 lines, 43 events/);
    expect(text).toMatch(task === 'detect-anomalies' ? /anomal/ : /\[L41/);
  });

  it.each(LogTask.options)('of %s are small whatever the lines are', async (task) => {
    const long = Array.from({ length: 200 }, (_, index) => `ERROR ${'word '.repeat(index + 1)}${'x'.repeat(4_000)}`);
    const report = await analyzeLog([long.join('\n')]);
    expect(JSON.stringify(findingsFor(task, report)).length).toBeLessThan(500_000);
    expect(describeFindings(task, report).length).toBeLessThan(50_000);
  });

  it('speak of entry N as line N, also when an entry has line breaks', async () => {
    const text = logTextOf({
      log_entries: [
        { message: 'first\n  at a stack\n  at b', level: 'INFO', timestamp: null, source: 'web' },
        { message: 'boom', level: 'ERROR', user: 'u1' },
      ],
    });
    expect(text.split('\n')).toHaveLength(2);
    expect(findingsFor('detect-errors', await analyzeLog([text]))).toMatchObject({ errors: [{ lines: [2] }] });
  });
});
