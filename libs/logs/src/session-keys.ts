/** Keys reported for one line at most; more are ignored. */
const keysPerLineMax = 4;
/** Characters of a line that are looked at. */
const scannedMax = 600;

const seed = 0x811c9dc5;
const prime = 0x01000193;

/** Words after which any token with a digit names a unit of work. */
const keyWords = [
  'id sid session sessionid session_id request req requestid request_id reqid trace traceid trace_id span transaction',
  'transactionid transaction_id txn txid tx order orderid order_id job jobid job_id task taskid task_id batch batchid',
  'batch_id connection conn connectionid connection_id connid call callid call_id correlationid correlation_id flow run',
  'runid run_id workflow message messageid message_id block container attempt',
];
const keyWordHashes = new Set(
  keyWords.flatMap((words) =>
    words.split(' ').map((word) => {
      let hash = seed;
      for (let at = 0; at < word.length; at++) hash = mix(hash, word.charCodeAt(at) | 0x20);
      return hash;
    }),
  ),
);

/** Told of a kind of key (a hash of its fixed part), the key itself (a hash of 52 bits) and where it stands. */
export type OnSessionKey = (kind: number, key: number, from: number, to: number) => void;

/**
 * Finds the tokens of a line that can name a unit of work which other lines name as well: UUIDs and long hex numbers, a word
 * with a number (`blk_-160…`, `req-0012`, `job_2008_0001`), and whatever holds a digit after a word such as `session`.
 * Without allocation, because it sees every line. Numbers alone, addresses, times and versions are none.
 */
export function findSessionKeys(text: string, onKey: OnSessionKey): void {
  const end = Math.min(text.length, scannedMax);
  let found = 0;
  let wordHash = 0;
  let at = 0;
  while (at < end) {
    if (classOf(text.charCodeAt(at)) === other) {
      at++;
      continue;
    }
    const from = at;
    let hash = seed;
    let letters = 0;
    let digits = 0;
    let marks = 0;
    let lettersAfterDigit = 0;
    let notHex = 0;
    let prefixEnd = 0;
    let prefixHash = 0;
    for (; at < end; at++) {
      const code = text.charCodeAt(at);
      const kind = classOf(code);
      if (kind === other) break;
      if (kind === digit) {
        if (digits++ === 0) prefixEnd = at;
      } else if (kind === mark) marks++;
      else {
        letters++;
        if (digits > 0) lettersAfterDigit++;
        if ((code | 0x20) > 0x66) notHex++;
      }
      hash = mix(hash, code | 0x20);
      if (kind === letter && digits === 0) prefixHash = hash;
    }
    const length = at - from;
    if (digits === 0) {
      wordHash = hash;
      continue;
    }
    const isHex =
      notHex === 0 && letters > 0 && letters + digits >= 8 && (marks === 0 || (marks === 4 && length === 36));
    const isNumbered = prefixEnd - from >= 2 && lettersAfterDigit === 0 && letters >= 2 && digits >= 2;
    const isNamed = length >= 2 && keyWordHashes.has(wordHash);
    const hashBefore = wordHash;
    wordHash = 0;
    const kind = isHex ? 1 : isNumbered ? prefixHash | 2 : isNamed ? hashBefore | 2 : 0;
    if (kind === 0 || isPartOfNumber(text, from, at)) continue;
    onKey(kind, (hash >>> 0) * 0x100000 + secondHash(text, from, at), from, at);
    if (++found === keysPerLineMax) return;
  }
}

const other = 0;
const digit = 1;
const letter = 2;
const mark = 3;

/** By character code; `_` and `-` hold a token together. */
const classes = new Uint8Array(128);
for (let code = 0x30; code <= 0x39; code++) classes[code] = digit;
for (let code = 0x41; code <= 0x5a; code++) classes[code] = classes[code | 0x20] = letter;
classes[0x5f] = classes[0x2d] = mark;

function classOf(code: number): number {
  return code < 128 ? (classes[code] ?? other) : other;
}

/** 20 further bits, so that no two of a million keys are taken for one. */
function secondHash(text: string, from: number, to: number): number {
  let hash = 0;
  for (let at = from; at < to; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x5bd1e995) ^ (hash >>> 13);
  return hash & 0xfffff;
}

function mix(hash: number, code: number): number {
  return Math.imul(hash ^ code, prime);
}

/** `1.2.3`, `12:30`: a token that goes on with a digit across a dot or colon is a piece of an address, time or version. */
function isPartOfNumber(text: string, from: number, to: number): boolean {
  const after = text.charCodeAt(to);
  if ((after === 0x2e || after === 0x3a) && classOf(text.charCodeAt(to + 1)) === digit) return true;
  const before = text.charCodeAt(from - 1);
  return (before === 0x2e || before === 0x3a) && classOf(text.charCodeAt(from - 2)) === digit;
}
