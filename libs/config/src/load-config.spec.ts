import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { ConfigError, flag, integer, loadConfig, loadYamlFile, url } from './index.js';

const schema = z
  .object({ PORT: integer({ min: 1, max: 65_535 }), REDIS_URL: url('redis'), VERBOSE: flag().default(false) })
  .transform((v) => ({ port: v.PORT, redis: { url: v.REDIS_URL }, verbose: v.VERBOSE }));

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

  it('counts an empty variable as unset', () => {
    expect(problemsOf(() => loadConfig(schema, { PORT: '', REDIS_URL: 'redis://x' })).join()).toContain('PORT');
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
});
