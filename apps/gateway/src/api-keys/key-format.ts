import { createHash, randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';

/*
 * tg_live_<43 characters><6 characters>, all of them letters and digits: 256 random bits, and a CRC-32 of everything before.
 * Scanners of repositories find the prefix, and the checksum tells a key from a word that looks like one, without a database.
 */
const PREFIX = 'tg_live_';
const SECRET_BYTES = 32;
const SECRET_CHARACTERS = 43;
const CHECKSUM_CHARACTERS = 6;
const START_CHARACTERS = PREFIX.length + 4;
const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const pattern = new RegExp(`^${PREFIX}[0-9A-Za-z]{${SECRET_CHARACTERS + CHECKSUM_CHARACTERS}}$`);

export function newKey(): string {
  const secret = base62(BigInt(`0x${randomBytes(SECRET_BYTES).toString('hex')}`), SECRET_CHARACTERS);
  return `${PREFIX}${secret}${checksumOf(PREFIX + secret)}`;
}

/** Whether a bearer token is meant to be a key, good or bad. */
export function looksLikeKey(token: string): boolean {
  return token.startsWith(PREFIX);
}

export function isWellFormed(token: string): boolean {
  const body = token.slice(0, -CHECKSUM_CHARACTERS);
  return pattern.test(token) && token.endsWith(checksumOf(body));
}

/** SHA-256 is right here: 256 random bits cannot be guessed, so a slow hash would only slow us down. */
export function hashOf(key: string): Buffer {
  return createHash('sha256').update(key).digest();
}

/** By which its owner recognises it. */
export function startOf(key: string): string {
  return key.slice(0, START_CHARACTERS);
}

function checksumOf(text: string): string {
  return base62(BigInt(crc32(text)), CHECKSUM_CHARACTERS);
}

function base62(value: bigint, length: number): string {
  let text = '';
  for (let rest = value; rest > 0n; rest /= 62n) text = alphabet.charAt(Number(rest % 62n)) + text;
  return text.padStart(length, '0');
}
