import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { commandLineOf } from '@tollgate/testing';

/**
 * Marks this process as the launcher of its checkout: a second one would stop the databases of the first, which it
 * takes for left behind. The mark goes when the process exits; one left by a kill is recognised.
 * @throws Error that names the process when there is one already
 */
export async function claimCheckout(pidFile: string): Promise<void> {
  const other = readPid(pidFile);
  if (other !== undefined && other !== process.pid && (await commandLineOf(other))?.includes('start.js')) {
    throw new Error(`Tollgate already runs from this folder (process ${other}). Stop that one first.`);
  }
  mkdirSync(dirname(pidFile), { recursive: true });
  writeFileSync(pidFile, String(process.pid));
  process.on('exit', () => {
    if (readPid(pidFile) === process.pid) rmSync(pidFile, { force: true });
  });
}

function readPid(pidFile: string): number | undefined {
  try {
    return Number.parseInt(readFileSync(pidFile, 'utf8'), 10) || undefined;
  } catch {
    // Nobody has claimed it.
    return undefined;
  }
}
