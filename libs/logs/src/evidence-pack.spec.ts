import fc from 'fast-check';
import { analyzeLog } from './analyze-log.js';
import { buildEvidence } from './evidence-pack.js';
import { Redactor } from './redactor.js';
import type { LogReport } from './report.js';

const countTokens = (text: string): number => Math.ceil(text.length / 3.5);

async function reportOf(): Promise<LogReport> {
  const lines = Array.from({ length: 3_000 }, (_, index) => {
    const time = new Date(Date.UTC(2026, 2, 1) + index * 1_000).toISOString();
    if (index > 2_000 && index < 2_030)
      return `${time} ERROR [pay] charge of jane@example.org refused by 10.1.2.${index % 4}`;
    return `${time} INFO [${'abcdef'.charAt(index % 6)}] step ${'uvwxyz'.charAt(index % 6)} took ${index % 50} ms`;
  });
  return analyzeLog([lines.join('\n')]);
}

describe('buildEvidence', () => {
  it('keeps within any budget that holds its summary, and is the same each time', async () => {
    const report = await reportOf();
    fc.assert(
      fc.property(fc.integer({ min: 200, max: 5_000 }), (tokensMax) => {
        const pack = buildEvidence(report, { tokensMax, countTokens });
        expect(pack.tokens).toBeLessThanOrEqual(tokensMax);
        expect(countTokens(pack.text)).toBe(pack.tokens);
        expect(buildEvidence(report, { tokensMax, countTokens })).toEqual(pack);
      }),
      { numRuns: 40 },
    );
  });

  it('tells the gravest first, and how much of the log it stands for', async () => {
    const report = await reportOf();
    const small = buildEvidence(report, { tokensMax: 300, countTokens });
    expect(small.text).toContain('charge of jane@example.org refused by <*>');
    expect(small.text).toContain(`stands for ${small.coveredLines} of 3000 lines`);
    const large = buildEvidence(report, { tokensMax: 20_000, countTokens });
    expect(large.coveredLines).toBe(3_000);
    expect(large.included).toEqual(large.available);
    expect(large.citable).toContain(2_002);
  });

  it('lets nothing out that was redacted, and everything can be restored', async () => {
    const redactor = new Redactor();
    const { text } = buildEvidence(await reportOf(), {
      tokensMax: 20_000,
      countTokens,
      redact: (part) => redactor.redact(part),
    });
    expect(text).not.toContain('jane@example.org');
    expect(text).not.toMatch(/10\.1\.2\.\d/);
    expect(redactor.restore(text)).toContain('jane@example.org');
  });
});
