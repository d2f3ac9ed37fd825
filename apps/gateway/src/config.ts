import {
  file,
  flag,
  httpVariables,
  integer,
  loadConfig,
  logVariables,
  outboundVariables,
  postgresVariables,
  redisVariables,
  replicaVariables,
  text,
  type Environment,
} from '@tollgate/config';
import { RegisterRequest } from '@tollgate/contracts';
import { loadPlansFile, planOverrides, tierLimitVariables } from '@tollgate/metering';
import { createPrivateKey } from 'node:crypto';
import { z } from 'zod';

const MAX_BODY_BYTES = 64 * 1024 * 1024;
const SECONDS_PER_YEAR = 365 * 86_400;

const variables = z
  .object({
    ...redisVariables,
    ...postgresVariables,
    ...logVariables,
    ...tierLimitVariables,
    ...outboundVariables,
    PORT: httpVariables.PORT.default(8080),
    HOST: httpVariables.HOST,
    QUEUE_MAX: replicaVariables.QUEUE_MAX,
    JWT_PRIVATE_KEY: z
      .string()
      .transform((pem) => pem.replaceAll('\\n', '\n'))
      .refine(isEs256PrivateKey, 'must be the private key of an ES256 key pair (P-256), as PKCS8 PEM'),
    JWT_ISSUER: text().default('tollgate'),
    JWT_AUDIENCE: text().default('tollgate'),
    ACCESS_TOKEN_TTL_SECONDS: integer({ min: 1, max: 86_400 }).default(900),
    REFRESH_TOKEN_TTL_SECONDS: integer({ min: 60, max: SECONDS_PER_YEAR }).default(2_592_000),
    COOKIE_SECURE: flag().default(true),
    REQUEST_TIMEOUT_MS: integer({ min: 1, max: 3_600_000 }).default(300_000),
    BODY_BYTES_MAX: integer({ min: 1_024, max: MAX_BODY_BYTES }).default(1_048_576),
    CORS_ORIGINS: z
      .string()
      .transform(commaList)
      .refine((origins) => origins.every(isOrigin), 'must be origins like https://app.example.com, separated by commas')
      .default([]),
    RATE_LIMIT_ENABLED: flag().default(true),
    RATE_LIMIT_REQUESTS: integer({ min: 1 }).default(1_200),
    RATE_LIMIT_WINDOW: integer({ min: 1, max: 86_400 }).default(60),
    SIGN_IN_REQUESTS_PER_MINUTE: integer({ min: 1 }).default(300),
    /** `true` believes every peer's X-Forwarded-For; a list of addresses or networks only theirs. */
    TRUST_PROXY: z
      .string()
      .transform((value) => (value === 'true' || value === 'false' ? value === 'true' : commaList(value)))
      .default(false),
    PLANS_FILE: file('config/plans.yaml', loadPlansFile),
    DEMO_USER_EMAIL: RegisterRequest.shape.email.optional(),
    DEMO_USER_PASSWORD: RegisterRequest.shape.password.optional(),
    ADMIN_EMAIL: RegisterRequest.shape.email.optional(),
    ADMIN_PASSWORD: RegisterRequest.shape.password.optional(),
    LLM_SIMULATED: flag().default(false),
  })
  .refine((all) => (all.ADMIN_EMAIL === undefined) === (all.ADMIN_PASSWORD === undefined), {
    path: ['ADMIN_EMAIL'],
    message: 'must be set together with ADMIN_PASSWORD, or neither',
    when: () => true,
  })
  .refine((all) => (all.DEMO_USER_EMAIL === undefined) === (all.DEMO_USER_PASSWORD === undefined), {
    path: ['DEMO_USER_EMAIL'],
    message: 'must be set together with DEMO_USER_PASSWORD, or neither',
    // Also when other variables are wrong, so that all problems are seen at once.
    when: () => true,
  });

export const variableNames = Object.keys(variables.shape);

export const loadGatewayConfig = (environment: Environment = process.env) =>
  loadConfig(
    variables.transform((all) => ({
      http: {
        port: all.PORT,
        host: all.HOST,
        bodyBytesMax: all.BODY_BYTES_MAX,
        corsOrigins: all.CORS_ORIGINS,
        trustProxy: all.TRUST_PROXY,
      },
      identity: {
        privateKeyPem: all.JWT_PRIVATE_KEY,
        issuer: all.JWT_ISSUER,
        audience: all.JWT_AUDIENCE,
        accessTokenTtlSeconds: all.ACCESS_TOKEN_TTL_SECONDS,
        refreshTokenTtlSeconds: all.REFRESH_TOKEN_TTL_SECONDS,
        cookieSecure: all.COOKIE_SECURE,
        demoUser: loginOf(all.DEMO_USER_EMAIL, all.DEMO_USER_PASSWORD),
        adminUser: loginOf(all.ADMIN_EMAIL, all.ADMIN_PASSWORD),
      },
      postgres: { url: all.DATABASE_URL, poolMax: all.DATABASE_POOL_MAX },
      redis: { url: all.REDIS_URL },
      log: { level: all.LOG_LEVEL },
      limits: {
        enabled: all.RATE_LIMIT_ENABLED,
        /** Of any kind, for each account or address, in a window. */
        requestsMax: all.RATE_LIMIT_REQUESTS,
        windowSeconds: all.RATE_LIMIT_WINDOW,
        signInsPerMinute: all.SIGN_IN_REQUESTS_PER_MINUTE,
      },
      replica: { queueMax: all.QUEUE_MAX },
      requestTimeoutMs: all.REQUEST_TIMEOUT_MS,
      plans: all.PLANS_FILE,
      planOverrides: planOverrides(all),
      webhooks: { allowPrivate: all.WEBHOOK_ALLOW_PRIVATE, allowedHosts: all.WEBHOOK_ALLOWED_HOSTS },
      llmSimulated: all.LLM_SIMULATED,
    })),
    environment,
  );

export type GatewayConfig = ReturnType<typeof loadGatewayConfig>;

function loginOf(email: string | undefined, password: string | undefined) {
  return email && password ? { email, password } : undefined;
}

function isEs256PrivateKey(pem: string): boolean {
  try {
    const key = createPrivateKey({ key: pem, format: 'pem' });
    return key.asymmetricKeyType === 'ec' && key.asymmetricKeyDetails?.namedCurve === 'prime256v1';
  } catch {
    return false;
  }
}

function commaList(value: string): string[] {
  return value
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}

function isOrigin(value: string): boolean {
  return URL.parse(value)?.origin === value;
}
