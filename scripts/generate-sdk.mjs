// Writes libs/sdk/src/shapes.ts and routes.ts from the OpenAPI document of the built gateway (`pnpm generate:sdk`).
// With --check it writes nothing, and exits with 1 when they are stale.
import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { format, resolveConfig } from 'prettier';
import { routesSource, shapesSource } from './sdk-source.mjs';

const DOCUMENT_BYTES_MAX = 64 * 1024 * 1024;
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const isCheck = process.argv.includes('--check');

const program = join(root, 'apps/gateway/dist/http/openapi-main.js');
const { stdout } = await promisify(execFile)(process.execPath, [program], { cwd: root, maxBuffer: DOCUMENT_BYTES_MAX });
const document = JSON.parse(stdout);

const stale = [];
for (const [name, source] of /** @type {const} */ ([
  ['shapes.ts', shapesSource(document)],
  ['routes.ts', routesSource(document)],
])) {
  const file = join(root, 'libs/sdk/src', name);
  const text = await format(source, { ...(await resolveConfig(file)), parser: 'typescript' });
  if (text === (await readFile(file, 'utf8').catch(() => ''))) continue;
  stale.push(name);
  if (!isCheck) await writeFile(file, text);
}
if (stale.length > 0) console.log(`${isCheck ? 'Stale' : 'Written'}: ${stale.join(', ')}`);
if (isCheck && stale.length > 0) process.exitCode = 1;
