import { newTestDatabase, testRedisUrl } from '@tollgate/testing';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { loadGatewayConfig } from '../src/config.js';
import { createGateway } from '../src/http/create-gateway.js';

export const PASSWORD = 'correct horse battery';

const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
export const privateKeyPem = privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();

export interface Gateway {
  app: NestFastifyApplication;
  url: string;
  databaseUrl: string;
  post(path: string, body: unknown, headers?: Record<string, string>): Promise<Answer>;
  get(path: string, headers?: Record<string, string>): Promise<Answer>;
  close(): Promise<void>;
}

export interface Answer {
  status: number;
  headers: Headers;
  body: Record<string, unknown> & { error?: { code: string; param: string | null; message: string } };
}

/** The real gateway on a free port, with a database of its own (or the given one) and without the services behind it. */
export async function bootGateway(
  overrides: Record<string, string> = {},
  prepare: (app: NestFastifyApplication) => void = () => undefined,
): Promise<Gateway> {
  const database = overrides['DATABASE_URL']
    ? { url: overrides['DATABASE_URL'], drop: () => Promise.resolve() }
    : await newTestDatabase();
  const app = await createGateway(
    loadGatewayConfig({
      DATABASE_URL: database.url,
      REDIS_URL: testRedisUrl(),
      JWT_PRIVATE_KEY: privateKeyPem,
      LOG_LEVEL: 'fatal',
      // All tests come from one address; those about limits switch them on.
      RATE_LIMIT_ENABLED: 'false',
      ...overrides,
    }),
  );
  prepare(app);
  await app.listen({ port: 0, host: '127.0.0.1' });
  const url = await app.getUrl();
  return {
    app,
    url,
    databaseUrl: database.url,
    post: (path, body, headers) =>
      ask(url + path, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: typeof body === 'string' ? body : JSON.stringify(body),
      }),
    get: (path, headers) => ask(url + path, { headers }),
    close: async () => {
      await app.close();
      await database.drop();
    },
  };
}

/** A registered user and what registering answered. */
export async function newUser(gateway: Gateway) {
  const email = `${randomUUID()}@example.com`;
  const { body } = await gateway.post('/api/v1/auth/register', { email, password: PASSWORD });
  const accessToken = String(body['access_token']);
  return { email, accessToken, refreshToken: String(body['refresh_token']), bearer: bearer(accessToken) };
}

export function bearer(token: string) {
  return { authorization: `Bearer ${token}` };
}

async function ask(url: string, init: RequestInit): Promise<Answer> {
  const response = await fetch(url, init);
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: text === '' ? {} : JSON.parse(text) };
}
