import { eventually } from '@tollgate/testing';
import { execFile } from 'node:child_process';
import { createHmac, createPrivateKey, createPublicKey, generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { bearer, bootGateway, newUser, PASSWORD, privateKeyPem, type Gateway } from './gateway.js';

const key = createPrivateKey(privateKeyPem);
const publicPem = createPublicKey(key).export({ format: 'pem', type: 'spki' });
const publicJwk = createPublicKey(key).export({ format: 'jwk' });
const stranger = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const rsa = generateKeyPairSync('rsa', { modulusLength: 2_048 });

const encode = (text: string) => Buffer.from(text).toString('base64url');
const es256 = (privateKey: KeyObject) => (data: string) =>
  sign('sha256', Buffer.from(data), { key: privateKey, dsaEncoding: 'ieee-p1363' }).toString('base64url');
const hs256 = (secret: string | Buffer) => (data: string) =>
  createHmac('sha256', secret).update(data).digest('base64url');
const nobody = () => '';

type Json = Record<string, unknown>;
type Signer = (data: string) => string;

let gateway: Gateway;
let genuine: { token: string; header: Json; claims: Json };

beforeAll(async () => {
  gateway = await bootGateway();
  const { accessToken: token } = await newUser(gateway);
  const [header = {}, claims = {}] = token.split('.').map(decode);
  genuine = { token, header, claims };
}, 30_000);
afterAll(() => gateway.close());

function decode(part: string): Json {
  try {
    return JSON.parse(Buffer.from(part, 'base64url').toString());
  } catch {
    return {};
  }
}

/** The genuine token with some of its header and claims changed. */
function forged(header: Json, claims: Json, signer: Signer = es256(key)): string {
  return signed(
    JSON.stringify({ ...genuine.header, ...header }),
    JSON.stringify({ ...genuine.claims, ...claims }),
    signer,
  );
}

function signed(header: string, claims: string, signer: Signer = es256(key)): string {
  const data = `${encode(header)}.${encode(claims)}`;
  return `${data}.${signer(data)}`;
}

const inSeconds = (seconds: number) => Math.floor(Date.now() / 1_000) + seconds;
const withoutSignature = () => genuine.token.slice(0, genuine.token.lastIndexOf('.'));
const tampered = (claims: Json) => {
  const [header = '', , signature = ''] = genuine.token.split('.');
  return `${header}.${encode(JSON.stringify({ ...genuine.claims, ...claims }))}.${signature}`;
};

describe('an access token', () => {
  it('is accepted when it is signed as we sign, so that the refusals below mean something', async () => {
    expect((await gateway.get('/api/v1/users/me', bearer(forged({}, {})))).status).toBe(200);
  });

  it.each<[string, () => string]>([
    ['alg none, unsigned', () => forged({ alg: 'none' }, {}, nobody)],
    ['alg None, unsigned', () => forged({ alg: 'None' }, {}, nobody)],
    ['alg nOnE with the old signature', () => forged({ alg: 'nOnE' }, {})],
    ['no alg', () => forged({ alg: undefined }, {})],
    [
      'two algs, of which one is none',
      () => signed(`{"alg":"ES256","alg":"none","typ":"at+jwt","kid":"${publicJwk.x}"}`, '{}', nobody),
    ],
    ['alg HS256 with the public key as PEM', () => forged({ alg: 'HS256' }, {}, hs256(publicPem.toString()))],
    [
      'alg HS256 with the public key as PEM, trimmed',
      () => forged({ alg: 'HS256' }, {}, hs256(publicPem.toString().trim())),
    ],
    ['alg HS256 with the public key as JWK', () => forged({ alg: 'HS256' }, {}, hs256(JSON.stringify(publicJwk)))],
    ['alg HS256 with an empty secret', () => forged({ alg: 'HS256' }, {}, hs256(''))],
    ['header ES256, signed with HS256 and the public key', () => forged({}, {}, hs256(publicPem.toString()))],
    [
      'alg RS256 with an RSA key',
      () =>
        forged({ alg: 'RS256' }, {}, (data) => sign('sha256', Buffer.from(data), rsa.privateKey).toString('base64url')),
    ],
    ['alg ES384', () => forged({ alg: 'ES384' }, {})],
    ['the signature of a stranger', () => forged({}, {}, es256(stranger.privateKey))],
    [
      "a stranger's key in the header",
      () => forged({ jwk: stranger.publicKey.export({ format: 'jwk' }) }, {}, es256(stranger.privateKey)),
    ],
    [
      "the address of a stranger's keys",
      () =>
        forged(
          { jku: 'https://evil.example/jwks.json', x5u: 'https://evil.example/x' },
          {},
          es256(stranger.privateKey),
        ),
    ],
    ['no kid', () => forged({ kid: undefined }, {})],
    ['an empty kid', () => forged({ kid: '' }, {})],
    ['an unknown kid', () => forged({ kid: 'cn-I_WNMClehiVp51i_0VpOENW1upEerA8sEam5hn-s' }, {})],
    ['a kid that is a path', () => forged({ alg: 'HS256', kid: '../../../../../../dev/null' }, {}, hs256(''))],
    ['a kid that is SQL', () => forged({ kid: "x' UNION SELECT 'secret' --" }, {})],
    ['a kid that is a member of every object', () => forged({ kid: '__proto__' }, {})],
    ['a kid that is a list', () => forged({ kid: [genuine.header['kid']] }, {})],
    ['typ JWT', () => forged({ typ: 'JWT' }, {})],
    ['no typ', () => forged({ typ: undefined }, {})],
    ['another audience', () => forged({}, { aud: 'elsewhere' })],
    ['an audience that only begins like ours', () => forged({}, { aud: 'tollgate.evil' })],
    ['no audience', () => forged({}, { aud: undefined })],
    ['another issuer', () => forged({}, { iss: 'elsewhere' })],
    ['no issuer', () => forged({}, { iss: undefined })],
    ['no expiry', () => forged({}, { exp: undefined })],
    ['an expiry that is no number', () => forged({}, { exp: '9999999999' })],
    ['a beginning in the future', () => forged({}, { nbf: inSeconds(600) })],
    ['a subject that is no id', () => forged({}, { sub: 'admin' })],
    ['no account', () => forged({}, { account_id: undefined })],
    ['a role that there is not', () => forged({}, { role: 'root' })],
    ['more than 4 KiB', () => forged({}, { padding: 'x'.repeat(5_000) })],
    ['another account under the old signature', () => tampered({ account_id: '00000000-0000-7000-8000-000000000000' })],
    ['the role admin under the old signature', () => tampered({ role: 'admin' })],
    ['a later expiry under the old signature', () => tampered({ exp: inSeconds(1_000_000) })],
    [
      'one bit of the signature changed',
      () => `${genuine.token.slice(0, -2)}${genuine.token.endsWith('AA') ? 'BA' : 'AA'}`,
    ],
    ['a signature of zeros', () => `${withoutSignature()}.${Buffer.alloc(64).toString('base64url')}`],
    ['an empty signature', () => `${withoutSignature()}.`],
    ['two parts', withoutSignature],
    ['four parts', () => `${genuine.token}.x`],
    ['a header that is no JSON', () => `x.${genuine.token.split('.').slice(1).join('.')}`],
    ['claims that are a list', () => signed(JSON.stringify(genuine.header), '[]')],
    ['a refresh token instead', () => 'tgr_0000'],
  ])('is refused with %s', async (_name, forge) => {
    const { status, body, headers } = await gateway.get('/api/v1/users/me', bearer(forge()));
    expect([status, body.error?.code]).toEqual([401, 'unauthenticated']);
    expect(headers.get('www-authenticate')).toMatch(/^Bearer /);
    expect(JSON.stringify(body)).not.toMatch(/ES256|kid|audience|issuer|signature/);
  });

  it('is refused when it has expired, and says so, also after it was good a moment ago', async () => {
    const short = forged({}, { exp: inSeconds(1) });
    const answers = await eventually(
      () => gateway.get('/api/v1/users/me', bearer(short)),
      ({ status }) => status === 401,
    );
    expect(answers.body.error?.code).toBe('token_expired');
  });

  it('is taken from the Authorization header alone, and from one that says one thing', async () => {
    const statusOf = async (path: string, headers: Record<string, string>) => (await gateway.get(path, headers)).status;
    // There is no such parameter, whatever it says.
    expect(await statusOf(`/api/v1/users/me?access_token=${genuine.token}`, {})).toBe(400);
    expect(await statusOf('/api/v1/users/me', { cookie: `access_token=${genuine.token}` })).toBe(401);
    expect(await statusOf('/api/v1/users/me', { authorization: genuine.token })).toBe(401);
    expect(await statusOf('/api/v1/users/me', { authorization: `Basic ${genuine.token}` })).toBe(401);
    expect(await statusOf('/api/v1/users/me', { authorization: `Bearer x, Bearer ${genuine.token}` })).toBe(401);
  });
});

describe('the key of access tokens', () => {
  const jwtKeys = (step: string, file: string) =>
    promisify(execFile)(process.execPath, [join(__dirname, '../../../scripts/jwt-keys.mjs'), step, file]);

  it('is replaced in three steps without a restart and without logging anyone out', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'tollgate-keys-'));
    const file = join(folder, 'jwt-keys.pem');
    await jwtKeys('next', file);
    const rotating = await bootGateway({ JWT_PRIVATE_KEY: file });
    const published = async (count: number, first?: string) => {
      const idsOf = async () => {
        const { body } = await rotating.get('/.well-known/jwks.json');
        return Array.from(Object(body)['keys'], (jwk) => String(Object(jwk)['kid']));
      };
      return eventually(idsOf, (ids) => ids.length === count && ids[0] !== first);
    };
    const kidOf = (token: string) => decode(token.split('.')[0] ?? '')['kid'];
    const me = async (token: string) => (await rotating.get('/api/v1/users/me', bearer(token))).status;
    const { email, accessToken: old, refreshToken } = await newUser(rotating);
    const [oldId] = await published(1);
    expect(kidOf(old)).toBe(oldId);

    await jwtKeys('next', file);
    const [, nextId] = await published(2);
    const login = { email, password: PASSWORD };
    expect(kidOf(String((await rotating.post('/api/v1/auth/login', login)).body['access_token']))).toBe(oldId);
    const before = await rotating.post('/api/v1/auth/refresh', { refresh_token: refreshToken });

    await jwtKeys('rotate', file);
    expect(await published(2, oldId)).toEqual([nextId, oldId]);
    const fresh = String((await rotating.post('/api/v1/auth/login', login)).body['access_token']);
    expect(kidOf(fresh)).toBe(nextId);
    expect([await me(old), await me(fresh)]).toEqual([200, 200]);
    const repeated = await rotating.post('/api/v1/auth/refresh', { refresh_token: refreshToken });
    expect(repeated.body['refresh_token']).toBe(before.body['refresh_token']);

    await jwtKeys('retire', file);
    expect(await published(1)).toEqual([nextId]);
    expect([await me(old), await me(fresh)]).toEqual([401, 200]);
    const after = await rotating.post('/api/v1/auth/refresh', { refresh_token: before.body['refresh_token'] });
    expect(after.status).toBe(200);

    await writeFile(
      file,
      `${await readFile(file, 'utf8')}-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----`,
    );
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect(await published(1)).toEqual([nextId]);
    expect(await me(fresh)).toBe(200);
    await rotating.close();
    await rm(folder, { recursive: true });
  }, 30_000);

  it('is published without its private part, to be kept for five minutes', async () => {
    const { body, headers } = await gateway.get('/.well-known/jwks.json');
    expect(headers.get('cache-control')).toBe('public, max-age=300');
    expect(body).toEqual({ keys: [{ ...publicJwk, kid: genuine.header['kid'], alg: 'ES256', use: 'sig' }] });
    expect(JSON.stringify(body)).not.toContain('"d"');
  });
});
