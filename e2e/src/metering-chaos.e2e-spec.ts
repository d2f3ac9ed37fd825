import { execFile } from 'node:child_process';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';

const execute = promisify(execFile);
const root = resolve(__dirname, '..', '..');

describe('the ledger', () => {
  it('has every call of the provider once, whoever is killed under load: a gateway, a router, billing, Postgres, Redis', async () => {
    const { stdout } = await execute(process.execPath, [
      join(root, 'bench', 'dist', 'metering-chaos-main.js'),
      '--kills',
      '5',
    ]);
    expect(stdout).toContain('Every call is in the ledger, once.');
  }, 180_000);
});
