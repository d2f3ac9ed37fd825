import { generateKeyPairSync } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';

/** The ES256 key (PEM, PKCS #8) that stands in `file`; made at the first start, so that logins outlive a restart. */
export async function loadOrCreateJwtKey(file: string): Promise<string> {
  const existing = await readFile(file, 'utf8').catch(() => '');
  if (existing.includes('END PRIVATE KEY')) return existing;
  const { privateKey } = generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  });
  await mkdir(dirname(file), { recursive: true });
  // Whole or not there, whenever the launcher is killed.
  await writeFile(`${file}.unfinished`, privateKey, { mode: 0o600 });
  await rename(`${file}.unfinished`, file);
  return privateKey;
}
