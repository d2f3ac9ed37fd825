import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { apps } from './environment.js';

const root = join(__dirname, '..', '..', '..');
const read = (...path: string[]) => readFileSync(join(root, ...path), 'utf8');

const rows = [...read('docs', 'configuration.md').matchAll(/^\| `(\w+)` +\| ([^|]+?) +\|/gm)].map(
  ([, name = '', readers = '']) => ({ name, readers: readers.split(', ') }),
);
const documentedOf = (reader: string) => rows.filter(({ readers }) => readers.includes(reader)).map(({ name }) => name);
const namesIn = (text: string, pattern: RegExp) => new Set([...text.matchAll(pattern)].map(([, name = '']) => name));

describe('docs/configuration.md', () => {
  it.each(apps)('has the variables of %s, every one and no other', (app) => {
    // Run as it stands: the launcher knows apps by their paths alone, and nobody imports one.
    const { variableNames } = jest.requireActual<{ variableNames: string[] }>(
      join(root, 'apps', app, 'src', 'config.ts'),
    );
    expect(new Set(documentedOf(app))).toEqual(new Set(variableNames));
  });

  it('has the variables of models.yaml, of the launcher and of the simulator', () => {
    const models = read('config', 'models.yaml').replaceAll(/^ *#.*$/gm, '');
    expect(new Set(documentedOf('models.yaml'))).toEqual(namesIn(models, /\$\{(\w+)/g));
    const launcher = ['environment.ts', 'backends.ts', 'launcher.ts'].map((file) =>
      read('deploy', 'local', 'src', file),
    );
    const variables = namesIn(launcher.join('\n'), /(?<=environment\['|const \{ )([A-Z_]+)/g);
    expect(new Set(documentedOf('launcher'))).toEqual(variables);
    const simulator = read('libs', 'testing', 'src', 'simulator-main.ts');
    expect(new Set(documentedOf('simulator'))).toEqual(namesIn(simulator, /\b(SIMULATOR_\w+)/g));
  });

  it('and .env.example name no variable that nobody reads', () => {
    const known = [...apps, 'models.yaml', 'launcher', 'simulator'];
    expect(rows.filter(({ readers }) => !readers.every((reader) => known.includes(reader)))).toEqual([]);
    const example = namesIn(read('.env.example'), /^# ([A-Z_]+)=/gm);
    expect(rows.map(({ name }) => name)).toEqual(expect.arrayContaining([...example]));
  });
});
