// `pnpm jwt-keys next|rotate|retire <file>`: the steps by which the key of access tokens is replaced without logging anyone out.
// docs/security.md says how long to wait between them. Every step writes the whole file at once: a gateway that reads it
// at that moment finds the old one or the new one.
import { generateKeyPairSync } from 'node:crypto';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';

/** @type {Record<string, (keys: string[]) => string[]>} The first key signs, all are published. */
const steps = {
  next: (keys) => [...keys, newKey()],
  rotate: ([old, next, ...others]) => [expect(next, 'there is no next key: run `next` first'), ...others, String(old)],
  retire: (keys) => [expect(keys.length > 1 ? keys[0] : undefined, 'there is only the key that signs')],
};

const [step = '', path = ''] = process.argv.slice(2);
try {
  const take = expect(path ? steps[step] : undefined, 'usage: pnpm jwt-keys next|rotate|retire <file>');
  const pem = existsSync(path) ? readFileSync(path, 'utf8') : '';
  const keys = take(pem.match(/-----BEGIN [A-Z ]+-----[^-]+-----END [A-Z ]+-----/g) ?? []);
  writeFileSync(`${path}.new`, keys.map((key) => `${key}\n`).join(''), { mode: 0o600 });
  renameSync(`${path}.new`, path);
  console.log(`${path}: ${keys.length} key${keys.length === 1 ? '' : 's'}, the first one signs`);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}

function newKey() {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return privateKey.export({ format: 'pem', type: 'pkcs8' }).toString().trim();
}

/** @template T @param {T | undefined} value @param {string} problem @returns {T} */
function expect(value, problem) {
  if (value === undefined) throw new Error(problem);
  return value;
}
