import { execFile } from 'node:child_process';
import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { promisify } from 'node:util';

const execute = promisify(execFile);

/** Whom Postgres runs as when we are root; it refuses to be root itself. */
export interface Account {
  uid: number;
  gid: number;
}

/** How to start a program of Postgres. */
export type Runner = (
  program: string,
  args: string[],
) => { command: string; args: string[]; uid?: number; gid?: number };

/** Undefined when we are not root. Whoever owns the data keeps it; no account is made on the machine. */
export async function serverAccount(dataDir: string): Promise<Account | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const owner = await stat(dataDir).catch(() => undefined);
  if (owner && owner.uid !== 0) return { uid: owner.uid, gid: owner.gid };
  return (await findAccount('postgres')) ?? (await findAccount('nobody'));
}

async function findAccount(name: string): Promise<Account | undefined> {
  try {
    const [uid, gid] = await Promise.all(['-u', '-g'].map((flag) => execute('id', [flag, name])));
    return { uid: Number(uid?.stdout), gid: Number(gid?.stdout) };
  } catch {
    // `id` fails when there is no such account.
    return undefined;
  }
}

/**
 * When `account` may not enter a folder above one of `paths` (a checkout in /root), the server keeps root's right to
 * pass through, as a Linux capability, and nothing else of root.
 */
export async function runner(account: Account | undefined, paths: string[]): Promise<Runner> {
  if (!account) return (command, args) => ({ command, args });
  const areReachable = await Promise.all(paths.map((path) => isReachable(account, dirname(path))));
  if (areReachable.every(Boolean)) return (command, args) => ({ command, args, ...account });
  const { uid, gid } = account;
  // access(2), with which initdb looks for its programs, ignores capabilities of an account that is not root unless
  // no_setuid_fixup is set.
  const rights = ['--securebits=+no_setuid_fixup', '--inh-caps=+dac_override', '--ambient-caps=+dac_override'];
  const flags = [`--reuid=${uid}`, `--regid=${gid}`, '--clear-groups', ...rights];
  return (program, args) => ({ command: 'setpriv', args: [...flags, program, ...args] });
}

async function isReachable(account: Account, folder: string): Promise<boolean> {
  const found = await stat(folder).catch(() => undefined);
  if (found) {
    const bit = found.uid === account.uid ? 0o100 : found.gid === account.gid ? 0o010 : 0o001;
    if ((found.mode & bit) === 0) return false;
  }
  return dirname(folder) === folder || isReachable(account, dirname(folder));
}
