import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { metrics as attemptMetrics } from '../completions/metrics.js';
import { metrics } from './metrics.js';
import { quirksOf } from './quirks.js';

const page = readFileSync(join(__dirname, '../../../../docs/providers.md'), 'utf8');
const firstCellsOf = (pattern: RegExp) => [...page.matchAll(pattern)].map(([, name]) => name);

describe('docs/providers.md', () => {
  it('has every metric of providers and attempts, and no other', async () => {
    const all = [...Object.values(metrics), ...Object.values(attemptMetrics)];
    const names = await Promise.all(all.map(async (metric) => (await metric.get()).name));
    expect(firstCellsOf(/^\| `(tollgate_\w+)`/gm).toSorted()).toEqual(names.toSorted());
  });

  it('has every kind of provider', () => {
    const kinds = firstCellsOf(/^\| `([a-z-]+)` +\| `(?:options|max)/gm);
    expect(kinds.toSorted()).toEqual(['ollama', ...Object.keys(quirksOf)].toSorted());
  });
});
