// A simulated provider that answers at once and always the same, so that what is measured is what stands before it. The
// simulator of libs/testing counts tokens and keeps a log of its calls, which costs more than a gateway does.
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

const UPSTREAM_MODEL = 'meta-llama/Llama-4-Maverick-8B-Instruct';
const CONTENT = '[simulated] A toll gate stops a road until its users have paid for it.';
const usage = { prompt_tokens: 30, completion_tokens: 16, total_tokens: 46 };
const head = { id: 'chatcmpl-simulated', created: 1_767_225_600, model: UPSTREAM_MODEL };

const answer = JSON.stringify({
  ...head,
  object: 'chat.completion',
  choices: [{ index: 0, message: { role: 'assistant', content: CONTENT }, finish_reason: 'stop' }],
  usage,
});

const events = [
  ...CONTENT.split(/(?= )/).map((content) => ({ choices: [{ index: 0, delta: { content }, finish_reason: null }] })),
  { choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] },
  { choices: [], usage },
].map((event) => `data: ${JSON.stringify({ ...head, object: 'chat.completion.chunk', ...event })}\n\n`);
const [firstEvent = '', ...otherEvents] = events;
const rest = `${otherEvents.join('')}data: [DONE]\n\n`;

const models = JSON.stringify({ object: 'list', data: [{ id: UPSTREAM_MODEL, object: 'model' }] });

const server = createServer((request, response) => {
  if (request.method === 'GET') return sendJson(response, models);
  let body = '';
  request.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
  request.on('end', () => {
    if (!body.includes('"stream":true')) return sendJson(response, answer);
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(firstEvent);
    // In a packet of its own, as a model would.
    setImmediate(() => response.end(rest));
  });
});

function sendJson(response: ServerResponse, json: string): void {
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(json) });
  response.end(json);
}

server.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo;
  process.send?.({ url: `http://127.0.0.1:${port}` });
});
process.on('disconnect', () => process.exit());
