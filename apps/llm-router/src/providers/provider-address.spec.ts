import { createServer } from 'node:http';
import type { AddressInfo, LookupFunction } from 'node:net';
import { Agent, request } from 'undici';
import { namesPrivateAddress, problemOfBaseUrl, providerLookup } from './provider-address.js';
import { ProviderConnection } from './provider-connection.js';

const resolvingTo = (...addresses: string[]): { lookup: LookupFunction; asked: () => number } => {
  let asked = 0;
  const lookup: LookupFunction = (_hostname, _options, callback) => {
    const address = addresses[Math.min(asked++, addresses.length - 1)] ?? '';
    callback(null, [{ address, family: 4 }]);
  };
  return { lookup, asked: () => asked };
};

async function resolved(address: string, allowPrivate: boolean): Promise<unknown> {
  return new Promise((resolve) => {
    const answer = (error: Error | null, found: unknown) => resolve(error ? 'refused' : found);
    providerLookup(allowPrivate, resolvingTo(address).lookup)('api.example.com', {}, answer);
  });
}

describe('the URL of a provider', () => {
  it.each([
    'http://169.254.169.254/v1',
    'http://[::ffff:169.254.169.254]/v1',
    'http://0xa9fea9fe/v1',
    'http://2852039166/v1',
    'http://0251.0376.0251.0376/v1',
    'http://[fe80::1]/v1',
    'http://[fd00:ec2::254]/v1',
    'http://0.0.0.0:11434',
    'https://key@api.example.com/v1',
    'file:///etc/passwd',
    'gopher://localhost:6379',
  ])('may not be %s', (url) => {
    expect(problemOfBaseUrl(url)).toBeDefined();
  });

  it.each(['http://localhost:11434', 'http://127.0.0.1:8000/v1', 'http://10.1.2.3', 'https://api.openai.com/v1'])(
    'may be %s',
    (url) => {
      expect(problemOfBaseUrl(url)).toBeUndefined();
    },
  );

  it('says itself that it is of the own network when it has such an address or localhost', () => {
    expect(['http://localhost:1', 'http://192.168.0.7', 'http://[::1]:1'].map(namesPrivateAddress)).not.toContain(
      false,
    );
    expect(['https://localhost.evil.example', 'https://8.8.8.8'].map(namesPrivateAddress)).not.toContain(true);
  });
});

describe('a name', () => {
  it('that resolves to metadata is never called, and one of the own network only where that is allowed', async () => {
    expect(await resolved('169.254.169.254', true)).toBe('refused');
    expect(await resolved('10.0.0.1', false)).toBe('refused');
    expect(await resolved('10.0.0.1', true)).toBe('10.0.0.1');
    expect(await resolved('8.8.8.8', false)).toBe('8.8.8.8');
  });

  it('is resolved once for a connection, so that a second answer changes nothing', async () => {
    const server = createServer((_request, response) => response.end('ours'));
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    const { port } = server.address() as AddressInfo;
    const { lookup, asked } = resolvingTo('127.0.0.1', '169.254.169.254');
    const dispatcher = new Agent({ connect: { lookup: providerLookup(true, lookup) } });
    const answer = await request(`http://rebinding.example:${port}`, { dispatcher });
    expect(await answer.body.text()).toBe('ours');
    expect(asked()).toBe(1);
    await dispatcher.close();
    server.close();
  });
});

describe('a provider that answers with a redirect', () => {
  it('is not followed', async () => {
    const paths: (string | undefined)[] = [];
    const server = createServer((request, response) => {
      paths.push(request.url);
      response.writeHead(302, { location: '/elsewhere' }).end();
    });
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    const { port } = server.address() as AddressInfo;
    const config = { apiKey: 'x', connections: 1, connectTimeoutMs: 1_000, allowPrivate: true };
    const connection = new ProviderConnection('moved', { ...config, baseUrl: `http://127.0.0.1:${port}` }, () => {});
    await expect(connection.getJson('/models', new AbortController().signal)).rejects.toThrow('status 302');
    expect(paths).toEqual(['/models']);
    await connection.close();
    server.close();
  });
});
