const fnvOffset = 0x811c9dc5;

/** A 32-bit hash of evenly spread values (FNV-1a with the finaliser of MurmurHash3, both public domain). */
export function hashText(text: string, seed = fnvOffset): number {
  return hashPart(text, 0, text.length, seed);
}

/** That of `text.slice(start, end)`. */
export function hashPart(text: string, start: number, end: number, seed = fnvOffset): number {
  let hash = seed;
  for (let index = start; index < end; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  hash ^= hash >>> 16;
  hash = Math.imul(hash, 0x85ebca6b);
  hash ^= hash >>> 13;
  hash = Math.imul(hash, 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** A copy that does not keep the larger string alive which `text` was cut from. */
export function detached(text: string): string {
  // Node copies strings that are this short anyway.
  if (text.length < 13) return text;
  return Buffer.from(text, 'utf16le').toString('utf16le');
}
