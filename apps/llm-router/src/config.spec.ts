import { ConfigError } from '@tollgate/config';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadLlmRouterConfig } from './config.js';

const minimal = { PORT: '0', DATABASE_URL: 'postgres://localhost/tollgate', REDIS_URL: 'redis://localhost' };

function write(content: string): string {
  const path = join(mkdtempSync(join(tmpdir(), 'tollgate-models-')), 'models.yaml');
  writeFileSync(path, content);
  return path;
}

function problemsOf(environment: Record<string, string>): string[] {
  try {
    loadLlmRouterConfig({ ...minimal, ...environment });
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
}

describe('the configuration of the LLM router', () => {
  it('needs a port, a database and a Redis; the rest is in the repository', () => {
    const config = loadLlmRouterConfig(minimal);
    expect(config.models.file.defaultModel).toBe('gemma3:4b');
    expect(Object.keys(config.plans.plans)).toEqual(['free', 'pro']);
    expect(Object.isFrozen(config.models.file.models)).toBe(true);
  });

  it('reports the problems of variables and of both files together', () => {
    const MODELS_FILE = write('models: [');
    const problems = problemsOf({ LOG_LEVEL: 'loud', MODELS_FILE, PLANS_FILE: '/nowhere/plans.yaml' });
    expect(problems).toEqual([
      expect.stringMatching(/^LOG_LEVEL: must be/),
      expect.stringMatching(`^MODELS_FILE: ${MODELS_FILE}: line 1, column \\d+: is not valid YAML`),
      'PLANS_FILE: /nowhere/plans.yaml: there is no such file',
    ]);
  });

  it('reports what parts of the models file say of each other although fields are wrong', () => {
    const MODELS_FILE = write(`
default_model: gone
providers:
  cloud: { kind: openai-compatible, location: cloud, base_url: 'ftp://x' }
models:
  - { id: one, provider: cloud, context_length: 1, tokenizer: none, tiers: [pro] }
  - { id: one, provider: nobody, context_length: 1, tokenizer: o200k, tiers: [pro] }
`);
    const places = problemsOf({ MODELS_FILE }).map((problem) => problem.split(': ')[2]);
    expect(places).toEqual([
      'providers.cloud.base_url',
      'models.0.tokenizer',
      'default_model',
      'models.0.cost',
      'models.1.id',
      'models.1.provider',
    ]);
  });

  it.each(['', '[]', 'models: 5', 'models: [5]\nproviders: [x]'])(
    'refuses the models file %j in plain words',
    (content) => {
      const problems = problemsOf({ MODELS_FILE: write(content) });
      expect(problems.length).toBeGreaterThan(0);
      expect(problems.join()).not.toContain(': :');
    },
  );
});
