import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(__dirname, '../../..');

describe('queries of different accounts', () => {
  it('are never joined: nobody uses findUnique outside of a transaction, which Prisma batches by the tick', () => {
    const sources = globSync(['apps/*/src/**/*.ts', 'libs/*/src/**/*.ts'], { cwd: root });
    expect(sources.length).toBeGreaterThan(100);
    const found = sources.filter((path) =>
      /database\s*\.\s*\w+\s*\.findUnique/.test(readFileSync(join(root, path), 'utf8')),
    );
    expect(found).toEqual([]);
  });
});
