// Generates the Prisma client into libs/database/src/generated when schema.prisma or Prisma itself has changed since.
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const schemaFile = join(root, 'prisma/schema.prisma');
const prismaDir = join(root, 'libs/database/node_modules/prisma');
const outputDir = join(root, 'libs/database/src/generated');
// Inside of the output, so that it goes with it.
const stampFile = join(outputDir, '.stamp');

const stamp = createHash('sha256')
  .update(readFileSync(schemaFile))
  .update(readFileSync(join(prismaDir, 'package.json')))
  .digest('hex');

const isCurrent =
  existsSync(stampFile) && existsSync(join(outputDir, 'client.ts')) && readFileSync(stampFile, 'utf8') === stamp;

if (!isCurrent) {
  console.error('Generating the Prisma client ...');
  try {
    await promisify(execFile)(
      process.execPath,
      [join(prismaDir, 'build/index.js'), 'generate', '--schema', schemaFile],
      {
        cwd: root,
        // The CLI wants its schema engine, which `generate` never runs, and would download it. Any file that exists will do.
        env: { ...process.env, PRISMA_SCHEMA_ENGINE_BINARY: process.execPath, CHECKPOINT_DISABLE: '1' },
      },
    );
    writeFileSync(stampFile, stamp);
  } catch (error) {
    const { stdout = '', stderr = '', message } = /** @type {Error & { stdout?: string, stderr?: string }} */ (error);
    console.error(`${stdout}${stderr}` || message);
    process.exitCode = 1;
  }
}
