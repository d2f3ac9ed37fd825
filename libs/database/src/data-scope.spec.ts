import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(__dirname, '../../..');

describe('queries of different accounts', () => {
  it('are never joined: nobody uses findUnique outside of a transaction, or a transaction of a list, which Prisma sends by the tick', () => {
    const sources = globSync(['apps/*/src/**/*.ts', 'libs/*/src/**/*.ts'], { cwd: root });
    expect(sources.length).toBeGreaterThan(100);
    const found = sources.filter((path) =>
      /database\s*\.\s*(\w+\s*\.findUnique|\$transaction\(\[)/.test(readFileSync(join(root, path), 'utf8')),
    );
    expect(found).toEqual([]);
  });
});
