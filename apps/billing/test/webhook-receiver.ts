import { createServer } from 'node:http';

export interface Received {
  headers: Record<string, string>;
  body: string;
}

/** A receiver of webhooks, which answers each call with what `statusOf` says. */
export async function startReceiver(statusOf: (call: Received, count: number) => number = () => 204) {
  const received: Received[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const headers = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)]));
      const call = { headers, body: Buffer.concat(chunks).toString() };
      received.push(call);
      response.writeHead(statusOf(call, received.length)).end('heard');
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the receiver has no port');
  return {
    url: `http://127.0.0.1:${address.port}/hook`,
    received,
    stop: () =>
      new Promise<void>((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}
