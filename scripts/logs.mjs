// `pnpm logs …`: sets the checkout up and runs the command line of libs/logs under Node 24.
import { spawn } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bootstrap } from './bootstrap.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

try {
  const { node, env } = await bootstrap();
  const program = join(root, 'libs', 'logs', 'dist', 'cli-main.js');
  const child = spawn(node, ['--enable-source-maps', program, ...process.argv.slice(2)], { env, stdio: 'inherit' });
  child.on('exit', (code) => process.exit(code ?? 1));
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
