import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Launcher } from './launcher.js';

/** npm hands on the signal that the terminal sent too: one Ctrl-C arrives two or three times within this time. */
const SAME_KEYPRESS_MS = 500;

const root = resolve(import.meta.dirname, '..', '..', '..');
const envFile = join(root, '.env');
// What the real environment sets, the file does not change.
if (existsSync(envFile)) process.loadEnvFile(envFile);

const launcher = new Launcher({
  root,
  environment: process.env,
  mainOf: (app) => join(root, 'apps', app, 'dist', 'main.js'),
  write: (text) => console.log(text),
  hasColours: process.stdout.hasColors?.() === true,
  onGiveUp: (reason) => void fail(reason),
});

let stopAskedAt: number | undefined;
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, onSignal);
// The script that started this process was killed, or nobody reads any more.
process.once('disconnect', () => void stop());
process.stdout.on('error', () => void stop());

launcher.start().catch((error: unknown) => fail(error instanceof Error ? error.message : String(error)));

function onSignal(): void {
  if (stopAskedAt !== undefined && Date.now() - stopAskedAt > SAME_KEYPRESS_MS) {
    launcher.kill();
    process.exit(130);
  }
  void stop();
}

async function stop(): Promise<void> {
  if (stopAskedAt !== undefined) return;
  stopAskedAt = Date.now();
  console.log('\nStopping. Press Ctrl-C again to stop at once.');
  await launcher.stop();
  console.log('Stopped.');
  process.exit(0);
}

async function fail(message: string): Promise<void> {
  if (stopAskedAt !== undefined) return;
  stopAskedAt = Date.now();
  console.error(`\n${message}`);
  await launcher.stop({ isSilent: true });
  process.exit(1);
}
