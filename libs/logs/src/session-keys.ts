/** Keys reported for one line at most; more are ignored. */
const keysPerLineMax = 4;
/** Characters of a line that are looked at. */
const scannedMax = 600;

/** Words after which any token with a digit names a unit of work. */
const keyWords = [
  'id sid session sessionid session_id request req requestid request_id reqid trace traceid trace_id span transaction',
  'transactionid transaction_id txn txid tx order orderid order_id job jobid job_id task taskid task_id batch batchid',
  'batch_id connection conn connectionid connection_id connid call callid call_id correlationid correlation_id flow run',
  'runid run_id workflow message messageid message_id block container attempt',
];
const keyWordList = keyWords.flatMap((words) => words.split(' '));
const keyWordHashes = new Set(keyWordList.map((word) => hashOf(word, 0, word.length)));
const keyWordLengthMax = Math.max(...keyWordList.map(({ length }) => length));

/** Told of a kind of key (a hash of its fixed part), the key itself (a hash of 52 bits) and where it stands. */
export type OnSessionKey = (kind: number, key: number, from: number, to: number) => void;

/**
 * Finds the tokens of a line that can name a unit of work which other lines name as well: UUIDs and long hex numbers, a word
 * with a number (`blk_-160…`, `req-0012`, `job_2008_0001`), and whatever holds a digit after a word such as `session`.
 * Without allocation, and hashing only what may be a key, because it sees every line. Numbers alone, addresses, times and
 * versions are none.
 */
export function findSessionKeys(text: string, onKey: OnSessionKey): void {
  const end = Math.min(text.length, scannedMax);
  let found = 0;
  // Tokens with a digit are looked for by that digit, and the word before them only where it matters.
  let floor = endOfTime(text, end);
  for (let at = floor; at < end; at++) {
    const code = text.charCodeAt(at);
    if (code < 0x30 || code > 0x39) continue;
    const from = startOfToken(text, at, floor);
    const to = endOfToken(text, at, end);
    const kind = kindOfKey(text, from, at, to, floor);
    floor = at = to;
    if (kind === 0 || isPartOfNumber(text, from, to)) continue;
    onKey(kind, (hashOf(text, from, to) >>> 0) * 0x100000 + secondHash(text, from, to), from, to);
    if (++found === keysPerLineMax) return;
  }
}

/** Most lines begin with a time, in which there is no key: nothing but digits and marks, and letters that are no hex digits. */
function endOfTime(text: string, end: number): number {
  let at = 0;
  while (at < end && isOfTime(text, at)) at++;
  while (at > 0 && classOf(text.charCodeAt(at - 1)) !== other) at--;
  return at;
}

/** Digits, `+ , - . / :`, a space, and T and Z behind a digit. */
function isOfTime(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  if ((code >= 0x2b && code <= 0x3a) || code === 0x20) return true;
  return (code === 0x54 || code === 0x5a) && classOf(text.charCodeAt(at - 1)) === digit;
}

/** Of the token that has a character at `at`; nothing before `floor` belongs to it. */
function startOfToken(text: string, at: number, floor: number): number {
  let start = at;
  while (start > floor && classOf(text.charCodeAt(start - 1)) !== other) start--;
  return start;
}

function endOfToken(text: string, start: number, end: number): number {
  let at = start;
  while (at < end && classOf(text.charCodeAt(at)) !== other) at++;
  return at;
}

/** Of the token `from` to `to`, which has a digit; only words from `floor` on can be the word before it. 0 when it is no key. */
function kindOfKey(text: string, from: number, firstDigit: number, to: number, floor: number): number {
  let letters = 0;
  let digits = 0;
  let lettersAfterDigit = 0;
  let notHex = 0;
  for (let at = from; at < to; at++) {
    const code = text.charCodeAt(at);
    const kind = classOf(code);
    if (kind === digit) digits++;
    else if (kind === letter) {
      letters++;
      if (at > firstDigit) lettersAfterDigit++;
      if ((code | 0x20) > 0x66) notHex++;
    }
  }
  const length = to - from;
  const marks = length - letters - digits;
  const isHex = notHex === 0 && letters > 0 && letters + digits >= 8 && (marks === 0 || (marks === 4 && length === 36));
  if (isHex) return 1;
  const isNumbered = firstDigit - from >= 2 && lettersAfterDigit === 0 && letters >= 2 && digits >= 2;
  if (isNumbered) return hashOf(text, from, endOfPrefix(text, from, firstDigit)) | 2;
  return length < 2 ? 0 : kindOfKeyWord(text, from, floor);
}

/** Of the last word that ends between `floor` and `before`. */
function kindOfKeyWord(text: string, before: number, floor: number): number {
  let wordEnd = before;
  while (wordEnd > floor && classOf(text.charCodeAt(wordEnd - 1)) === other) wordEnd--;
  const wordStart = startOfToken(text, wordEnd, floor);
  const length = wordEnd - wordStart;
  if (length < 2 || length > keyWordLengthMax) return 0;
  const wordHash = hashOf(text, wordStart, wordEnd);
  return keyWordHashes.has(wordHash) ? wordHash | 2 : 0;
}

/** Behind the last letter before the first digit. */
function endOfPrefix(text: string, from: number, firstDigit: number): number {
  let at = firstDigit;
  while (at > from && classOf(text.charCodeAt(at - 1)) !== letter) at--;
  return at;
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

/** In any case of letters. */
function hashOf(text: string, from: number, to: number): number {
  let hash = 0x811c9dc5;
  for (let at = from; at < to; at++) hash = Math.imul(hash ^ (text.charCodeAt(at) | 0x20), 0x01000193);
  return hash;
}

/** `1.2.3`, `12:30`: a token that goes on with a digit across a dot or colon is a piece of an address, time or version. */
function isPartOfNumber(text: string, from: number, to: number): boolean {
  const after = text.charCodeAt(to);
  if ((after === 0x2e || after === 0x3a) && classOf(text.charCodeAt(to + 1)) === digit) return true;
  const before = text.charCodeAt(from - 1);
  return (before === 0x2e || before === 0x3a) && classOf(text.charCodeAt(from - 2)) === digit;
}
