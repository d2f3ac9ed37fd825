import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { SwaggerModule } from '@nestjs/swagger';
import { readFile } from 'node:fs/promises';
import { createDocument } from './openapi-document.js';
import { redocBundle } from './redoc-bundle.mjs';
import { refuseUnknownParameters } from './unknown-parameters.js';

/** The one thing that ReDoc would fetch from elsewhere, which our policy forbids: its logo. */
const REDOC_LOGO = 'https://cdn.redoc.ly/redoc/logo-mini.svg';
const NO_IMAGE = 'data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAA=';

const redocPage = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>Tollgate</title>
  </head>
  <body>
    <div id="redoc"></div>
    <script src="/redoc/redoc.js"></script>
    <script src="/redoc/start.js"></script>
  </body>
</html>
`;

/** Its search would run in a worker made of a blob, which our policy forbids as well. */
const redocStart = `Redoc.init('/openapi.json', { disableSearch: true }, document.getElementById('redoc'));\n`;

/** The document at /openapi.json, and its pages at /docs (Swagger UI) and /redoc; all of it from here, no CDN. */
export function serveDocumentation(app: NestFastifyApplication): void {
  const document = createDocument(app);
  const fastify = app.getHttpAdapter().getInstance();
  refuseUnknownParameters(fastify, document);
  SwaggerModule.setup('docs', app, document, { jsonDocumentUrl: 'openapi.json', raw: ['json'] });
  let script: Promise<string> | undefined;
  fastify.get('/redoc', (_request, reply) => reply.type('text/html; charset=utf-8').send(redocPage));
  fastify.get('/redoc/start.js', (_request, reply) => reply.type('text/javascript; charset=utf-8').send(redocStart));
  fastify.get('/redoc/redoc.js', async (_request, reply) => {
    script ??= readFile(redocBundle, 'utf8').then((bundle) => bundle.replaceAll(REDOC_LOGO, NO_IMAGE));
    return reply.type('text/javascript; charset=utf-8').send(await script);
  });
}
