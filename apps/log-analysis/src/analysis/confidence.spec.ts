import { confidenceFactors, confidenceScore } from './confidence.js';
import { noCitations } from '../narrative/narrative.js';

const evidence = { tokens: 10, covered_lines: 50, citable_lines: 8, redacted: {} };
const report = { lines: 100, anomalies: [] };
const told = (valid: number, removed: number) => ({
  isCounted: false,
  narrative: { evidence, citations: { valid, removed, claims_removed: 0 } },
});

describe('the confidence of an answer', () => {
  it('is 1 for what was counted', () => {
    const factors = confidenceFactors('query', report, { isCounted: true, narrative: { citations: noCitations } });
    expect(confidenceScore(factors)).toBe(1);
  });

  it('has the share of lines that the evidence stands for, and of valid citations', () => {
    const factors = confidenceFactors('analyze', report, told(8, 0));
    expect(factors).toEqual({ coverage: 0.5, citations: 0.9 });
    expect(confidenceScore(factors)).toBeCloseTo(Math.sqrt(0.45), 3);
  });

  it('falls with every citation that was removed', () => {
    const scores = [0, 1, 4, 8].map((removed) =>
      confidenceScore(confidenceFactors('analyze', report, told(8, removed))),
    );
    expect(scores).toEqual(scores.toSorted((a, b) => b - a));
    expect(new Set(scores).size).toBe(4);
  });

  it('is 0 for a story of which the evidence shows nothing', () => {
    const factors = { coverage: 0, citations: 0.5 };
    expect(confidenceScore(factors)).toBe(0);
  });
});
