import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo, LookupFunction } from 'node:net';
import { OutboundClient, type OutboundOptions } from './outbound-client.js';

const closers: (() => Promise<unknown> | void)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

function newClient(options: Partial<OutboundOptions> = {}): OutboundClient {
  const client = new OutboundClient({ timeoutMs: 2_000, maxResponseBytes: 1_000, ...options });
  closers.push(() => client.close());
  return client;
}

async function listen(handler: RequestListener): Promise<number> {
  const server: Server = createServer(handler);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(
    () => server.closeAllConnections(),
    () => void server.close(),
  );
  const address: AddressInfo | string | null = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  return address.port;
}

/** Answers the addresses of a list in turn, one a look-up. */
function resolvesTo(...answers: string[][]): LookupFunction {
  return (_hostname, _options, callback) => {
    const addresses = answers.length > 1 ? answers.shift() : answers[0];
    callback(
      null,
      (addresses ?? []).map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
    );
  };
}

describe('a call to an address that a tenant chose', () => {
  it.each([
    ['http://127.0.0.1/', 'address_refused'],
    ['http://2130706433/', 'address_refused'],
    ['http://0x7f.1/', 'address_refused'],
    ['http://0177.0.0.1/', 'address_refused'],
    ['http://127.1/', 'address_refused'],
    ['http://127.0.0.1./', 'address_refused'],
    ['http://[::1]/', 'address_refused'],
    ['http://[::ffff:169.254.169.254]/', 'address_refused'],
    ['http://169.254.169.254/latest/meta-data', 'address_refused'],
    ['http://10.0.0.1:8080/', 'address_refused'],
    ['http://①②⑦.0.0.1/', 'address_refused'],
    ['http://localhost/', 'address_refused'],
    ['http://user:secret@example.com/', 'url_refused'],
    ['http://example.com:25/', 'url_refused'],
    ['ftp://example.com/', 'url_refused'],
    ['file:///etc/passwd', 'url_refused'],
    ['gopher://example.com/', 'url_refused'],
    ['not a url', 'url_refused'],
    ['', 'url_refused'],
  ])('%s is refused as %s', async (url, reason) => {
    await expect(newClient().post(url, { body: '' })).rejects.toMatchObject({ reason });
  });

  it('is refused when any of the addresses of its name is not public', async () => {
    const client = newClient({ lookup: resolvesTo(['8.8.8.8', '10.0.0.1']) });
    await expect(client.post('http://mixed.example/', { body: '' })).rejects.toMatchObject({
      reason: 'address_refused',
    });
  });

  it('goes to the address that was checked, however the name resolves later', async () => {
    const port = await listen((_request, response) => response.end('reached'));
    const lookup = resolvesTo(['127.0.0.1'], ['169.254.169.254']);
    const client = newClient({ lookup, allowPrivate: true });
    const { body } = await client.post(`http://rebound.example:${port}/`, { body: '' });
    expect(body).toBe('reached');
    // The second name is looked up anew, and what it resolves to now is refused.
    const again = client.post(`http://other.example:${port}/`, { body: '' });
    await expect(again).rejects.toMatchObject({ reason: 'address_refused' });
  });

  it('reaches private addresses, but never metadata, when the operator allows it', async () => {
    const port = await listen((_request, response) => response.end('reached'));
    const client = newClient({ allowPrivate: true });
    expect(await client.post(`http://127.0.0.1:${port}/`, { body: '' })).toMatchObject({
      status: 200,
      body: 'reached',
    });
    const metadata = client.post('http://169.254.169.254/', { body: '' });
    await expect(metadata).rejects.toMatchObject({ reason: 'address_refused' });
  });

  it('reaches only the hosts of a list, if there is one', async () => {
    const port = await listen((_request, response) => response.end());
    const client = newClient({ allowPrivate: true, allowedHosts: ['LOCALHOST', `127.0.0.1:${port}`] });
    expect(await client.post(`http://127.0.0.1:${port}/`, { body: '' })).toMatchObject({ status: 200 });
    expect(() => client.check('http://localhost:1234/')).not.toThrow();
    await expect(client.post('http://127.0.0.1:1234/', { body: '' })).rejects.toMatchObject({ reason: 'url_refused' });
  });

  it('does not follow a redirect', async () => {
    let calls = 0;
    const port = await listen((_request, response) => {
      calls += 1;
      response.writeHead(302, { location: `http://127.0.0.1:${port}/inside` }).end();
    });
    const answer = await newClient({ allowPrivate: true }).post(`http://127.0.0.1:${port}/`, { body: '' });
    expect({ status: answer.status, calls }).toEqual({ status: 302, calls: 1 });
  });

  it('reads no more of an answer than its bound', async () => {
    const port = await listen((_request, response) => {
      const write = () => !response.destroyed && response.write('x'.repeat(10_000), () => setImmediate(write));
      write();
    });
    const answer = await newClient({ allowPrivate: true }).post(`http://127.0.0.1:${port}/`, { body: '' });
    expect(answer).toMatchObject({ isCutOff: true, body: 'x'.repeat(1_000) });
  });

  it('ends when the answer is not complete in time, also when it trickles', async () => {
    const port = await listen((_request, response) => {
      const timer = setInterval(() => response.write('.'), 20);
      response.on('close', () => clearInterval(timer));
    });
    const client = newClient({ allowPrivate: true, timeoutMs: 200 });
    await expect(client.post(`http://127.0.0.1:${port}/`, { body: '' })).rejects.toMatchObject({ reason: 'timeout' });
  });

  it('does not tell a closed port from a broken connection', async () => {
    const port = await listen((request) => request.socket.destroy());
    const client = newClient({ allowPrivate: true });
    const messages = await Promise.all(
      [port, 1].map((at) => client.post(`http://127.0.0.1:${at === 1 ? 65_535 : at}/`, { body: '' }).catch(String)),
    );
    expect(messages[0]).toBe(messages[1]);
    expect(messages[0]).toContain('cannot be reached');
  });

  it('is given up when its caller gives up', async () => {
    const port = await listen(() => undefined);
    const given = new AbortController();
    const call = newClient({ allowPrivate: true }).post(`http://127.0.0.1:${port}/`, {
      body: '',
      signal: given.signal,
    });
    setTimeout(() => given.abort(new Error('no longer wanted')), 50);
    await expect(call).rejects.toThrow('no longer wanted');
  });
});
