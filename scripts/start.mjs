// `npm start`: sets the checkout up and runs the launcher (deploy/local) under Node 24.
import { spawn } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bootstrap } from './bootstrap.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

try {
  const { node, env } = await bootstrap();
  const launcher = join(root, 'deploy', 'local', 'dist', 'start.js');
  // The channel tells the launcher when this process is killed, so that it stops what it started.
  const child = spawn(node, ['--enable-source-maps', launcher], {
    env,
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
  });
  // The launcher decides when to end; it takes one Ctrl-C that arrives twice (terminal and here, or npm) for one.
  for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])) {
    process.on(signal, () => child.kill(signal));
  }
  // The shell that npm runs this in dies of a signal to npm without handing it on.
  const parent = process.ppid;
  if (process.env.npm_lifecycle_event) {
    const watch = setInterval(() => {
      if (process.ppid === parent) return;
      clearInterval(watch);
      child.kill('SIGTERM');
    }, 1_000);
  }
  child.on('exit', (code) => process.exit(code ?? 1));
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
