import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ProviderConfig } from '../src/catalogue/models-file.js';
import { OllamaProvider } from '../src/providers/ollama.provider.js';
import { OpenAiCompatibleProvider } from '../src/providers/openai-compatible.provider.js';
import { ProviderConnection } from '../src/providers/provider-connection.js';
import type { ProviderRequest } from '../src/providers/provider.js';

const request: ProviderRequest = {
  model: 'm',
  messages: [{ role: 'user', content: 'Hello' }],
  maxOutputTokens: 10,
  contextLength: 100,
  responseFormat: 'text',
  requestId: 'r',
  traceparent: 't',
  onDispatched: () => undefined,
};

const ollamaAnswer = [
  '{"message":{"content":"Hi"},"done":false}\n',
  '{"message":{"content":""},"done":true,"done_reason":"stop","prompt_eval_count":3,"eval_count":1}\n',
];
const openAiAnswer = [
  'data: {"choices":[{"delta":{"content":"Hi"}}]}\n\n',
  'data: {"choices":[{"delta":{},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":1}}\n\n',
  'data: [DONE]\n\n',
];

let server: Server;
afterEach(() => new Promise((resolve) => server.close(resolve)));

describe.each([
  ['Ollama', OllamaProvider, ollamaAnswer],
  ['an OpenAI-compatible provider', OpenAiCompatibleProvider, openAiAnswer],
])('the connection to %s', (_, Provider, answer) => {
  it('is used again after an answer whose last word and end arrive apart', async () => {
    let connections = 0;
    server = createServer((_request, response) => {
      void (async () => {
        for (const piece of answer) {
          response.write(piece);
          await sleep(10);
        }
        response.end();
      })();
    });
    server.on('connection', () => (connections += 1));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const config: ProviderConfig = {
      kind: 'ollama',
      location: 'local',
      baseUrl: `http://127.0.0.1:${port}`,
      apiKey: undefined,
      enabled: true,
      connections: 5,
      connectTimeoutMs: 1_000,
      firstTokenTimeoutMs: 1_000,
      idleTimeoutMs: 1_000,
    };
    const provider = new Provider(new ProviderConnection('p', config, () => undefined));
    for (let n = 0; n < 20; n += 1) {
      const events = [];
      // Left at its end, as the router does.
      for await (const event of provider.stream(request, new AbortController().signal)) {
        events.push(event);
        if (event.type === 'end') break;
      }
      expect(events).toEqual([
        { type: 'delta', text: 'Hi' },
        { type: 'end', finishReason: 'stop', usage: expect.objectContaining({ input: 3, output: 1 }) },
      ]);
    }
    await provider.close();
    // The second request may come in the very turn in which the first connection becomes free.
    expect(connections).toBeLessThanOrEqual(2);
  });
});
