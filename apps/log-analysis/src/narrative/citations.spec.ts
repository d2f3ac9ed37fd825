import { checkCitations } from './citations.js';

const claim = (text: string, ...lines: number[]) => ({ text, lines });
const check = (...findings: ReturnType<typeof claim>[]) =>
  checkCitations({ summary: claim('All is well.', 1), findings, recommendations: [] }, [1, 5, 9]);

describe('what a model cites', () => {
  it('stays when the evidence has it, and only that', () => {
    expect(check(claim('The pool was empty.', 5, 6, 9))).toEqual({
      summary: claim('All is well.', 1),
      findings: [claim('The pool was empty.', 5, 9)],
      recommendations: [],
      valid: 3,
      removed: 1,
      claimsRemoved: 0,
    });
  });

  it('goes with its claim when the evidence has none of it', () => {
    expect(check(claim('Made up.', 77), claim('Seen.', 5))).toMatchObject({
      findings: [claim('Seen.', 5)],
      removed: 1,
      claimsRemoved: 1,
    });
  });

  it('may not stand in for a summary that cites nothing', () => {
    const checked = checkCitations({ summary: claim('Invented.', 3), findings: [], recommendations: [] }, [1]);
    expect(checked.summary).toBeUndefined();
  });

  it.each([
    ['The pool was empty [L5, L77].', 'The pool was empty.', [5, 9], 1],
    ['The pool was empty (L77 to L78).', 'The pool was empty.', [9], 2],
    ['See line 77 for the pool.', 'See a line for the pool.', [9], 1],
    ['See line 5 for the pool.', 'See line 5 for the pool.', [9], 0],
    ['The L2 cache missed.', 'The L2 cache missed.', [9], 0],
  ])('is found in the words of a claim: %s', (text, expected, lines, removed) => {
    expect(check(claim(text, 9))).toMatchObject({ findings: [{ text: expected, lines }], removed });
  });
});
