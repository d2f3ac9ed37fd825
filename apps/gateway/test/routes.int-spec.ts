import { z } from 'zod';
import { bootGateway, newUser, PASSWORD, type Answer, type Gateway } from './gateway.js';

const text = { text: 'One. Two.', task: 'summary' };

let gateway: Gateway;
let bearer: { authorization: string };
interface Operation {
  operationId: string;
  summary?: string;
  tags: string[];
}

const routes: { method: string; url: string }[] = [];

beforeAll(async () => {
  gateway = await bootGateway({ REQUEST_TIMEOUT_MS: '300', CORS_ORIGINS: 'https://app.example.com' }, (app) => {
    app
      .getHttpAdapter()
      .getInstance()
      .addHook('onRoute', ({ method, url }) => {
        for (const each of [method].flat()) routes.push({ method: each, url });
      });
  });
  ({ bearer } = await newUser(gateway));
}, 30_000);
afterAll(() => gateway.close());

describe('routes', () => {
  const open = ['/health', '/ready', '/metrics', '/.well-known/jwks.json', '/openapi.json'];
  const ours = () =>
    routes.filter(
      ({ method, url }) =>
        ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'].includes(method) && !/^\/(docs|redoc)/.test(url) && url !== '*',
    );

  it('stand in the OpenAPI document, every one', async () => {
    const { body } = await gateway.get('/openapi.json');
    const documented = Object.entries(body['paths'] ?? {}).flatMap(([path, operations]) =>
      Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`),
    );
    const registered = ours()
      .filter(({ url }) => url !== '/openapi.json')
      .map(({ method, url }) => `${method} ${url.replace(/:(\w+)/g, '{$1}')}`);
    const references = [...JSON.stringify(body).matchAll(/"#\/components\/schemas\/(\w+)"/g)].map(([, name]) => name);
    expect(Object.keys(Object(body['components']).schemas)).toEqual(expect.arrayContaining(references));
    expect(documented.sort()).toEqual([...new Set(registered)].sort());
  });

  it('have ids that are names in any language, each once, and summaries', async () => {
    const { body } = await gateway.get('/openapi.json');
    const operations = Object.values(body['paths'] ?? {}).flatMap((path): Operation[] => Object.values(path));
    const ids = operations.map(({ operationId }) => operationId);
    expect(ids).toEqual(expect.arrayContaining(['textProcessingProcess', 'textProcessingProcessAlias1', 'chatStream']));
    expect(ids.filter((id) => !/^[a-z][A-Za-z0-9]*$/.test(id))).toEqual([]);
    expect(new Set(ids).size).toBe(ids.length);
    expect(operations.filter(({ summary, tags }) => !summary || !tags.every((tag) => /^[a-z ]+$/.test(tag)))).toEqual(
      [],
    );
    expect(JSON.stringify(body)).not.toContain(String(Number.MAX_SAFE_INTEGER));
  });

  it('are closed without a token, unless they are meant to be open', async () => {
    const closed = ours().filter(({ url }) => !open.includes(url) && !url.startsWith('/api/v1/auth/'));
    expect(closed.length).toBeGreaterThan(4);
    for (const { method, url } of closed) {
      const answer = await fetch(gateway.url + url, { method });
      expect([url, answer.status]).toEqual([url, 401]);
    }
  });

  it('have a page at /redoc that loads nothing from elsewhere', async () => {
    const page = await fetch(`${gateway.url}/redoc`);
    expect(page.headers.get('content-security-policy')).toContain("default-src 'self'");
    const html = await page.text();
    expect(html).not.toMatch(/<script>|https?:/);
    const scripts = [...html.matchAll(/src="([^"]+)"/g)].map(([, path = '']) => path);
    expect(scripts.length).toBe(2);
    for (const path of scripts) {
      const script = await fetch(gateway.url + path);
      expect(script.headers.get('content-type')).toContain('text/javascript');
      expect(await script.text()).not.toContain('cdn.redoc');
    }
  });

  it('refuse a query parameter that they do not know, by its name', async () => {
    for (const path of ['/api/v1/users/me', '/api/v1/usage', '/health', '/api/v1/chat/sessions', '/v1/models']) {
      const answer = await gateway.get(`${path}?limitt=3`, bearer);
      expect(answer.status).toBe(400);
      expect(answer.body.error).toMatchObject({ code: 'invalid_request', param: 'limitt' });
    }
    const posted = await gateway.post('/process-text?streem=true', text, bearer);
    expect(posted.body.error?.param).toBe('streem');
    expect((await gateway.get('/api/v1/usage?group_by[]=model&group_by=task&limit=3', bearer)).status).toBe(200);
  });

  it('have a page at /docs whose scripts its own policy allows', async () => {
    const page = await fetch(`${gateway.url}/docs`);
    expect(page.status).toBe(200);
    expect(page.headers.get('content-security-policy')).toContain("default-src 'self'");
    expect(await page.text()).not.toMatch(/<script>/);
    expect((await fetch(`${gateway.url}/docs/swagger-ui-bundle.js`)).status).toBe(200);
  });

  it('say in which part of a request the wrong field stands', async () => {
    const locationOf = (answer: Answer) =>
      z.tuple([z.object({ loc: z.array(z.string()) })]).parse(answer.body['detail'])[0].loc;
    const id = crypto.randomUUID();
    expect(locationOf(await gateway.post(`/refine/${id}/extend?ttl_seconds=abc`, {}, bearer))).toEqual([
      'query',
      'ttl_seconds',
    ]);
    expect(locationOf(await gateway.post('/process-text', { ...text, task: 'sing' }, bearer))).toEqual([
      'body',
      'task',
    ]);
  });

  it('refuse a request body that the document allows to nobody', async () => {
    const answer = await gateway.post('/api/v1/auth/register', { email: 'x', password: PASSWORD });
    expect(answer.body.error).toMatchObject({ code: 'invalid_request', param: 'email' });
  });
});
