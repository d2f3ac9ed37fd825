import { readFailureSigns } from './failure-signs.js';

describe('readFailureSigns', () => {
  it.each([
    ['kernel panic: unable to mount root', 'critical', 'critical', 'crash'],
    ['write to <*> failed: no space left on device', 'error', 'high', 'storage'],
    ['payment <*> failed: connection refused', 'error', 'medium', 'network'],
    ['cannot open <*>: no such file', 'error', 'medium', 'input'],
    ['<*> errors detected and corrected', 'warn', 'low', 'application'],
  ] as const)('judges %j at level %s as %s, category %s', (text, level, severity, category) => {
    expect(readFailureSigns(text, level)).toMatchObject({ severity, category, isFailure: severity !== 'low' });
  });

  it('wakes nobody for what is over, for a detail, or for what was asked wrongly', () => {
    for (const text of ['memory error corrected', 'error register: <*>', 'failed to load <*>: no such file']) {
      expect(readFailureSigns(text, 'critical').isAlert).toBe(false);
    }
    expect(readFailureSigns('failed to read from disk: input/output error', 'critical').isAlert).toBe(true);
  });

  it('takes an everyday message without a level for no failure', () => {
    expect(readFailureSigns('cart <*> updated in <*> ms', undefined).isFailure).toBe(false);
    expect(readFailureSigns('connection to <*> refused', undefined).isFailure).toBe(true);
  });
});
