import fc from 'fast-check';
import { analyzeLog, analyzePart, learnLogFormat } from './analyze-log.js';
import { LogAnalysis } from './log-analysis.js';

const start = Date.UTC(2026, 2, 1);

/** A minute by minute log of a shop, with whatever `extra` says for an index. */
function shopLog(lines: number, extra: (index: number) => string | undefined = () => undefined): string[] {
  return Array.from({ length: lines }, (_, index) => {
    const time = new Date(start + index * 1_000).toISOString();
    const text = extra(index) ?? `INFO [shop.cart] cart ${1_000 + (index % 90)} updated in ${10 + (index % 7)} ms`;
    return `${time} ${text}`;
  });
}

const events = [
  'INFO [shop.cart] cart 17 updated in 12 ms',
  'INFO [shop.order] order-10023 accepted',
  'INFO [shop.order] order-10024 paid with card',
  'WARN [shop.stock] stock of item 7 is low',
  'ERROR [shop.pay] payment failed: connection refused by 10.0.0.7',
  'ERROR [shop.pay] unexpected\njava.lang.IllegalStateException: no\n\tat shop.Pay.charge(Pay.java:12)\n\tat shop.Main.run(Main.java:3)',
];

describe('LogAnalysis', () => {
  it('reports the same for parts that are merged, through JSON, as for one pass', async () => {
    const line = fc.record({ event: fc.constantFrom(...events), gapMs: fc.nat(5_000) });
    await fc.assert(
      fc.asyncProperty(
        fc.array(line, { minLength: 5, maxLength: 300 }),
        fc.double({ min: 0.1, max: 0.9, noNaN: true }),
        async (lines, cut) => {
          let clock = start;
          const entries = lines.map(({ event, gapMs }) => `${new Date((clock += gapMs)).toISOString()} ${event}\n`);
          const at = Math.floor(entries.length * cut);
          const whole = await analyzePart([entries.join('')]);
          const first = await analyzePart([entries.slice(0, at).join('')], { format: whole.format });
          const rest = await analyzePart([entries.slice(at).join('')], {
            format: whole.format,
            firstLine: first.nextLine,
          });
          first.analysis.merge(LogAnalysis.restore(JSON.parse(JSON.stringify(rest.analysis.snapshot()))));
          expect(first.analysis.report()).toEqual(whole.analysis.report());
        },
      ),
      { numRuns: 50 },
    );
  });

  it('reports the same for parts that are cut between any two lines, in the middle of stack traces too', async () => {
    const line = fc.record({ event: fc.constantFrom(...events), gapMs: fc.nat(5_000) });
    await fc.assert(
      fc.asyncProperty(
        fc.array(line, { minLength: 5, maxLength: 200 }),
        fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 5 }),
        async (entries, cuts) => {
          let clock = start;
          const text = entries
            .map(({ event, gapMs }) => `${new Date((clock += gapMs)).toISOString()} ${event}\n`)
            .join('');
          const lines = text.split(/(?<=\n)/);
          const whole = await analyzePart([text], { format: await learnLogFormat([text]) });
          const places = [0, ...cuts.map((cut) => Math.floor(lines.length * cut)), lines.length].toSorted(
            (a, b) => a - b,
          );
          const merged = new LogAnalysis();
          for (let part = 0; part + 1 < places.length; part += 1) {
            const [from = 0, to = 0] = places.slice(part, part + 2);
            const { analysis } = await analyzePart([lines.slice(from, to).join('')], {
              format: await learnLogFormat([text]),
              firstLine: from + 1,
              startsAtNextEvent: from > 0,
              next: [lines.slice(to).join('')],
            });
            merged.merge(LogAnalysis.restore(JSON.parse(JSON.stringify(analysis.snapshot()))));
          }
          expect(merged.report()).toEqual(whole.analysis.report());
        },
      ),
      { numRuns: 40 },
    );
  });

  it('counts every line of the input, and lists nothing unusual in an everyday log', async () => {
    const report = await analyzeLog([shopLog(5_000).join('\n')]);
    expect(report).toMatchObject({
      lines: 5_000,
      events: 5_000,
      levels: { info: 5_000 },
      anomalies: [],
      errorGroups: [],
    });
  });

  it('groups failures with their lines, severity and what came before them', async () => {
    const report = await analyzeLog([
      shopLog(4_000, (index) => {
        if (index % 400 === 395) return 'WARN [shop.db] pool of connections is exhausted';
        return index % 400 === 398 ? `ERROR [shop.pay] payment ${index} failed: connection refused` : undefined;
      }).join('\n'),
    ]);
    expect(report.errorGroups[0]).toMatchObject({
      count: 10,
      firstLine: 399,
      lastLine: 3_999,
      category: 'network',
      level: 'error',
    });
    expect(report.correlations[0]).toMatchObject({
      hits: 10,
      episodes: 10,
      template: expect.stringContaining('exhausted'),
    });
    expect(report.correlations[0]?.lines.slice(0, 2)).toEqual([396, 399]);
  });

  it('survives a round trip through JSON as a report', async () => {
    const report = await analyzeLog([events.map((event, index) => `2026-03-01T00:00:0${index}Z ${event}`).join('\n')]);
    expect(JSON.parse(JSON.stringify(report))).toEqual(JSON.parse(JSON.stringify(report)));
    expect(report.errorGroups.find(({ exceptions }) => exceptions)?.exceptions?.[0]).toEqual({
      type: 'java.lang.IllegalStateException',
      message: 'no',
      frames: ['shop.Pay.charge', 'shop.Main.run'],
    });
  });

  it.each([
    [
      'a burst',
      'burst',
      (index: number) =>
        index > 2_000 && index < 2_040 && index % 2 === 0
          ? 'INFO [a] disk is slow'
          : index % 200 === 0
            ? 'INFO [a] disk is slow'
            : undefined,
      2_003,
    ],
    [
      'a heartbeat that stops',
      'silence',
      (index: number) => (index % 20 === 0 && (index < 2_000 || index > 2_400) ? 'INFO [a] alive' : undefined),
      1_981,
    ],
    [
      'a kind of message that was never there',
      'new-template',
      (index: number) =>
        index > 3_000 && index < 3_020 && index % 3 === 0 ? 'WARN [a] replica lags behind' : undefined,
      3_004,
    ],
    [
      'a number far above all others',
      'numeric-outlier',
      (index: number) => (index === 2_500 ? 'INFO [shop.cart] cart 1001 updated in 900 ms' : undefined),
      2_501,
    ],
  ])('finds %s and cites its lines', async (_, kind, extra, line) => {
    const report = await analyzeLog([shopLog(4_000, extra).join('\n')]);
    expect(report.anomalies[0]).toMatchObject({ kind });
    expect(report.anomalies[0]?.lines).toContain(line);
    expect(report.anomalies[0]?.confidence).toBeGreaterThan(0.9);
  });
});
