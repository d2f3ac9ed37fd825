import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createTollgate, type Tollgate } from '@tollgate/sdk';
import { eventually, repositoryDir } from '@tollgate/testing';
import { TestClient } from './client.js';
import { startStack, type Stack } from './stack.js';

const run = promisify(execFile);
const sdkDir = join(repositoryDir, 'libs/sdk');
const chromium = ['/usr/bin/chromium', process.env['CHROMIUM'] ?? ''].find((path) => path !== '' && existsSync(path));

let stack: Stack;
let key: string;
let tollgate: Tollgate;
let pages: Server;
let pageUrl: string;

beforeAll(async () => {
  const sendPage = async (request: IncomingMessage, response: ServerResponse) => {
    const { pathname } = new URL(`http://page${request.url}`);
    const isScript = pathname.startsWith('/sdk/');
    const file = isScript ? `dist/${pathname.slice('/sdk/'.length)}` : 'examples/browser.html';
    response.setHeader('content-type', isScript ? 'text/javascript' : 'text/html');
    response.end(await readFile(join(sdkDir, file)));
  };
  pages = createServer((request, response) => void sendPage(request, response)).listen(0, '127.0.0.1');
  await new Promise((resolve) => pages.once('listening', resolve));
  pageUrl = `http://127.0.0.1:${(pages.address() as AddressInfo).port}`;
  stack = await startStack({ CORS_ORIGINS: pageUrl }, ['text-processing', 'chat', 'llm-router']);
  const client = await TestClient.register(stack.url);
  const login = createTollgate({ baseUrl: stack.url, apiKey: client.accessToken });
  ({ key } = await login.apiKeys.create({ name: 'sdk' }));
  tollgate = createTollgate({ baseUrl: stack.url, apiKey: key, retriesMax: 0 });
}, 60_000);
afterEach(() => stack.local.reset());
afterAll(async () => {
  pages.close();
  await stack.stop();
}, 60_000);

describe('the SDK', () => {
  it('is generated from the document that this gateway has', async () => {
    await run(process.execPath, ['scripts/generate-sdk.mjs', '--check'], { cwd: repositoryDir });
  }, 30_000);

  it('imports nothing but itself: it runs wherever fetch does', async () => {
    const files = (await readdir(join(sdkDir, 'dist'))).filter((name) => name.endsWith('.js'));
    expect(files.length).toBeGreaterThan(6);
    for (const name of files) {
      const source = await readFile(join(sdkDir, 'dist', name), 'utf8');
      const imported = [...source.matchAll(/(?:from|import)\s*\(?\s*['"]([^'"]+)['"]/g)].map(([, path]) => path);
      expect(imported.filter((path) => !path?.startsWith('./'))).toEqual([]);
      expect(source).not.toMatch(/\b(process|Buffer|require|__dirname|setImmediate)\b[.(]/);
    }
  });

  it.each([
    ['text-functions.mjs', [/\[simulated\]/, /LLM_RESPONSE \| status=success/, /fits: \d/]],
    ['refine-a-summary.mjs', [/refined 1 time/, /regenerated 1 time, \d+ tokens/, /kept for 10\d{3} s/]],
    ['errors-and-aborts.mjs', [/model_not_found \(404\), field model/, /stopped: AbortError/]],
    ['usage-export.mjs', [/plan free/, /7 days/, /start_time,end_time,/]],
  ])('example %s does what it says', async (name, expected) => {
    const { stdout, stderr } = await run(process.execPath, [join(sdkDir, 'examples', name)], {
      env: { TOLLGATE_URL: stack.url, TOLLGATE_KEY: key },
    });
    for (const pattern of expected) expect(stdout).toMatch(pattern);
    expect(stderr).toBe('');
  });

  it('keeps a conversation, streams it and exports it', async () => {
    const { chatTurns, chatSessions } = tollgate;
    const { session_id } = await chatTurns.start({ initial_message: 'Hello' });
    let text = '';
    let end: unknown;
    for await (const event of chatTurns.sendStream(session_id, { user_message: 'And now?' })) {
      if (event.type === 'delta') text += event.delta;
      if (event.type === 'end') end = event.message.content;
    }
    expect(end).toBe(text);
    expect((await chatSessions.listMessages(session_id)).data).toHaveLength(4);
    expect(await chatSessions.exportMarkdown(session_id)).toContain('And now?');
    expect((await chatSessions.export(session_id)).messages).toHaveLength(4);
    await chatSessions.delete(session_id);
    await expect(chatSessions.get(session_id)).rejects.toMatchObject({ code: 'not_found', status: 404 });
  });

  it('reads models, keys, batches and health', async () => {
    expect((await tollgate.openAi.listModels()).data.map(({ id }) => id)).toContain('gemma3:4b');
    expect((await tollgate.modelService.health()).status).toBe('healthy');
    const { id } = await tollgate.batches.create({ prompts: ['One?', 'Two?'] });
    const { progress } = await eventually(
      () => tollgate.batches.get(id),
      ({ status }) => status === 'completed',
      20_000,
    );
    expect(progress.total).toBe(2);
    await expect(tollgate.apiKeys.list()).rejects.toMatchObject({ code: 'forbidden' });
    await expect(tollgate.admin.listAccounts()).rejects.toMatchObject({ code: 'forbidden' });
  });

  it('is charged once for an answer whose connection broke, and gets it', async () => {
    let tries = 0;
    const cut = createTollgate({
      baseUrl: stack.url,
      apiKey: key,
      fetch: async (input, init) => {
        const response = await fetch(input, init);
        tries += 1;
        if (tries > 1) return response;
        await response.arrayBuffer();
        throw new TypeError('fetch failed');
      },
    });
    const callsBefore = stack.local.calls().length;
    expect((await cut.chat.answer({ message: 'Once' })).message).toContain('[simulated]');
    expect(tries).toBe(2);
    expect(stack.local.calls().length - callsBefore).toBe(1);
  });

  (chromium ? describe : describe.skip)('in a browser (needs /usr/bin/chromium, or its path in CHROMIUM)', () => {
    it('streams an answer', async () => {
      // The page is written out when the browser thinks that nothing happens any more, which may be too soon on a busy machine.
      const { dom } = await eventually(
        () => browse(`${pageUrl}/?gateway=${encodeURIComponent(stack.url)}&key=${key}`),
        (page) => !page.dom.includes('>waiting<'),
        30_000,
      );
      expect(dom).toContain('<p id="state">done</p>');
      expect(dom).toContain('[simulated]');
    }, 60_000);

    it.each([
      ['/redoc', 'API docs by Redocly'],
      ['/docs', 'opblock-summary-path'],
    ])(
      'the page at %s is drawn, within the policy that it is sent with',
      async (path, drawn) => {
        const { dom, console } = await browse(stack.url + path);
        expect(dom).toContain(drawn);
        expect(dom).toContain('process-text');
        expect(console).not.toMatch(/Content Security Policy|Uncaught/);
      },
      60_000,
    );
  });
});

/** What a page has become, and what it said to the console. */
async function browse(url: string): Promise<{ dom: string; console: string }> {
  const flags = ['--headless', '--no-sandbox', '--disable-gpu', '--enable-logging=stderr'];
  const page = ['--virtual-time-budget=60000', '--dump-dom', url];
  const options = { timeout: 50_000, maxBuffer: 64 * 1024 * 1024 };
  const { stdout, stderr } = await run(String(chromium), [...flags, ...page], options);
  return {
    dom: stdout,
    console: stderr
      .split('\n')
      .filter((line) => line.includes('CONSOLE'))
      .join('\n'),
  };
}
