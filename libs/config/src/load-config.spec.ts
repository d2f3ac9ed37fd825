import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { ConfigError, file, flag, integer, loadConfig, loadYamlFile, url } from './index.js';

const schema = z
  .object({ PORT: integer({ min: 1, max: 65_535 }), REDIS_URL: url('redis'), VERBOSE: flag().default(false) })
  .transform((all) => ({ port: all.PORT, redis: { url: all.REDIS_URL }, verbose: all.VERBOSE }));

function problemsOf(load: () => unknown): string[] {
  try {
    load();
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  throw new Error('the configuration was accepted');
}

describe('loadConfig', () => {
  it('turns flat variables into a nested frozen object of real types', () => {
    const config = loadConfig(schema, { PORT: '8080', REDIS_URL: 'redis://localhost', VERBOSE: 'true' });
    expect(config).toEqual({ port: 8080, redis: { url: 'redis://localhost' }, verbose: true });
    expect(Object.isFrozen(config.redis)).toBe(true);
  });

  it('reports all problems at once, by name and never by value', () => {
    const problems = problemsOf(() =>
      loadConfig(schema, { PORT: 'hunter2', REDIS_URL: 'hunter3', VERBOSE: 'hunter4' }),
    );
    expect(problems).toHaveLength(3);
    expect(problems.map((problem) => problem.split(':')[0]).sort()).toEqual(['PORT', 'REDIS_URL', 'VERBOSE']);
    expect(problems.join()).not.toContain('hunter');
  });

  it('reports the problems of a file under its variable, together with those of the other variables', () => {
    const load = (path: string) => loadYamlFile(path, z.object({ key: z.string() }), {});
    const variables = z.object({ PORT: integer(), KEYS_FILE: file('/nowhere/keys.yaml', load) });
    expect(problemsOf(() => loadConfig(variables, { PORT: 'x' }))).toEqual([
      expect.stringMatching(/^PORT: /),
      'KEYS_FILE: /nowhere/keys.yaml: there is no such file',
    ]);
  });

  it('counts an empty variable as unset', () => {
    expect(problemsOf(() => loadConfig(schema, { PORT: '', REDIS_URL: 'redis://x' }))).toEqual(['PORT: is missing']);
  });
});

describe('loadYamlFile', () => {
  const write = (content: string) => {
    const path = join(mkdtempSync(join(tmpdir(), 'tollgate-config-')), 'models.yaml');
    writeFileSync(path, content);
    return path;
  };
  const shape = z.object({ url: z.string(), key: z.string() });

  it('fills in variables of the environment and their defaults', () => {
    const path = write('url: ${BASE:-http://localhost}\nkey: ${KEY}\n');
    expect(loadYamlFile(path, shape, { KEY: 'k' })).toEqual({ url: 'http://localhost', key: 'k' });
  });

  it('names the file and the field that is wrong', () => {
    const path = write('url: 5\n');
    const problems = problemsOf(() => loadYamlFile(path, shape, {}));
    expect(problems).toHaveLength(2);
    expect(problems[0]).toContain(`${path}: url:`);
  });

  it('names the line, the column and the kind of a syntax error, and shows nothing of the file', () => {
    const path = write('url: x\nkey: "hunter2\n');
    expect(problemsOf(() => loadYamlFile(path, shape, {}))).toEqual([
      `${path}: line 3, column 1: is not valid YAML (missing char)`,
    ]);
    const alias = write('url: *hunter2\n');
    expect(problemsOf(() => loadYamlFile(alias, shape, {}))).toEqual([`${alias}: is not valid YAML (bad alias)`]);
  });

  it('an empty file and one that is not there are one line each', () => {
    const path = write('');
    expect(problemsOf(() => loadYamlFile(path, shape, {}))).toEqual([`${path}: is empty`]);
    expect(problemsOf(() => loadYamlFile(tmpdir(), shape, {}))).toEqual([`${tmpdir()}: cannot be read (EISDIR)`]);
  });
});
