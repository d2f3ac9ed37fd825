import { ConfigError } from '@tollgate/config';
import { generateKeyPairSync } from 'node:crypto';
import { loadGatewayConfig } from './config.js';
import { readSigningKeys } from './identity/signing-key.js';

const pem = (namedCurve: string) =>
  generateKeyPairSync('ec', { namedCurve }).privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();

const minimal = {
  DATABASE_URL: 'postgres://localhost/tollgate',
  REDIS_URL: 'redis://localhost',
  JWT_PRIVATE_KEY: pem('P-256'),
};

function problemsOf(environment: Record<string, string>): string[] {
  try {
    loadGatewayConfig(environment);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
}

describe('the configuration of the gateway', () => {
  it('needs a database, a Redis and a key, and nothing else', () => {
    const config = loadGatewayConfig(minimal);
    expect(config.http).toEqual({
      port: 8080,
      host: '0.0.0.0',
      bodyBytesMax: 1_048_576,
      connectionsMax: 10_000,
      connectionsPerAddressMax: 1_000,
      requestsPerConnectionMax: 100_000,
      headersTimeoutMs: 20_000,
      receiveTimeoutMs: 60_000,
      keepAliveTimeoutMs: 72_000,
      corsOrigins: [],
      trustProxy: false,
    });
    expect(Object.keys(config.plans.plans)).toEqual(['free', 'pro']);
    expect(config.requestTimeoutMs).toBe(300_000);
    expect(config.identity).toMatchObject({ accessTokenTtlSeconds: 900, refreshTokenTtlSeconds: 2_592_000 });
    expect(config.identity.demoUser).toBeUndefined();
  });

  it('takes a key whose lines end in a written \\n, as .env files and secrets stores have it', () => {
    const key = minimal.JWT_PRIVATE_KEY;
    const config = loadGatewayConfig({ ...minimal, JWT_PRIVATE_KEY: key.replaceAll('\n', '\\n') });
    expect(config.identity.signingKeys.keys).toEqual(readSigningKeys(key));
  });

  it('reports all problems at once, by name and never by value', () => {
    const problems = problemsOf({
      DATABASE_URL: 'mysql://secret@host',
      JWT_PRIVATE_KEY: 'secret',
      CORS_ORIGINS: 'https://ok.example.com,secret/path',
      DEMO_USER_EMAIL: 'demo@example.com',
      PLANS_FILE: '/nowhere/plans.yaml',
    });
    const names = problems.map((problem) => problem.split(':')[0]);
    expect(names).toEqual([
      'REDIS_URL',
      'DATABASE_URL',
      'JWT_PRIVATE_KEY',
      'CORS_ORIGINS',
      'PLANS_FILE',
      'DEMO_USER_EMAIL',
    ]);
    expect(problems.join()).not.toContain('secret');
  });

  it('refuses a key of another curve, which could not sign ES256', () => {
    expect(problemsOf({ ...minimal, JWT_PRIVATE_KEY: pem('P-384') })).toEqual([
      'JWT_PRIVATE_KEY: must be the private key of an ES256 key pair (P-256), as PKCS8 PEM, or a file with one or more',
    ]);
  });

  it.each([
    ['true', true],
    ['false', false],
    ['10.0.0.0/8, 127.0.0.1', ['10.0.0.0/8', '127.0.0.1']],
  ])('reads TRUST_PROXY=%s', (value, expected) => {
    expect(loadGatewayConfig({ ...minimal, TRUST_PROXY: value }).http.trustProxy).toEqual(expected);
  });
});
