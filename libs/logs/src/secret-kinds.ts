export const secretKinds = [
  'PRIVATE_KEY',
  'JWT',
  'TOKEN',
  'AUTHORIZATION',
  'COOKIE',
  'CREDENTIALS',
  'SECRET',
  'EMAIL',
  'CARD',
  'IBAN',
  'MAC',
  'IP',
] as const;

export type SecretKind = (typeof secretKinds)[number];

/** How one kind is found. `group` is the part that is replaced; the rest stays. */
export interface SecretForm {
  kind: SecretKind;
  pattern: RegExp;
  group: number;
  /** Text that must occur for the pattern to be worth trying; lower case. */
  needs: readonly string[];
  isReal?: (found: string, text: string, at: number) => boolean;
}

const sensitiveKey = String.raw`(?:pass(?:word|wd|phrase)?|pwd|secret|client[_-]?secret|api[_-]?key|access[_-]?key(?:[_-]?id)?|secret[_-]?(?:access[_-]?)?key|private[_-]?key|auth[_-]?token|access[_-]?token|refresh[_-]?token|id[_-]?token|session[_-]?token|csrf[_-]?token|token|credentials?|encryption[_-]?key|signing[_-]?key|connection[_-]?string)`;

/**
 * In the order in which they are tried: what is longer and surer comes first, and what one has replaced the next does not
 * see. No pattern can backtrack over more than a bounded stretch.
 */
export const secretForms: readonly SecretForm[] = [
  {
    kind: 'PRIVATE_KEY',
    pattern: /-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----[\s\S]{0,8000}?(?:-----END [A-Z ]{0,30}PRIVATE KEY-----|$)/g,
    group: 0,
    needs: ['private key-----'],
  },
  { kind: 'JWT', pattern: /\beyJ[\w-]{5,2000}\.[\w-]{5,4000}\.[\w-]{5,2000}\b/g, group: 0, needs: ['eyj'] },
  {
    kind: 'TOKEN',
    // AWS, GitHub, GitLab, Slack, Stripe, Google, npm, OpenAI and Anthropic, SendGrid, Azure storage.
    pattern:
      /\b(?:(?:AKIA|ASIA)[A-Z0-9]{16}|gh[pousr]_\w{30,255}|github_pat_\w{30,255}|glpat-[\w-]{20,64}|xox[abeoprs]-[\w-]{10,250}|(?:sk|rk|pk|whsec)_(?:live_|test_)?[A-Za-z0-9]{16,250}|AIza[\w-]{35}|ya29\.[\w-]{20,1000}|npm_[A-Za-z0-9]{36}|sk-[\w-]{20,250}|SG\.[\w-]{16,64}\.[\w-]{16,64})|\bAccountKey=[\w+/]{40,120}={0,2}/g,
    group: 0,
    needs: [
      'akia',
      'asia',
      'gh',
      'glpat-',
      'xox',
      'sk',
      'rk_',
      'pk_',
      'whsec',
      'aiza',
      'ya29',
      'npm_',
      'sg.',
      'accountkey',
    ],
  },
  {
    kind: 'AUTHORIZATION',
    pattern: /\b(?:bearer|basic|digest|negotiate)\s+([\w+/.~-]{8,4000}={0,2})/gi,
    group: 1,
    needs: ['bearer', 'basic', 'digest', 'negotiate'],
    isReal: (found) => /\d/.test(found) || found.length >= 20 || found.endsWith('='),
  },
  {
    kind: 'COOKIE',
    pattern: /\b(?:set-)?cookie["']?\s{0,3}[:=]\s{0,3}["']?([^\s"',;][^"'\r\n]{2,4000})/gi,
    group: 1,
    needs: ['cookie'],
    isReal: (found) => found.includes('='),
  },
  {
    kind: 'CREDENTIALS',
    pattern: /\b[a-z][a-z0-9+.-]{1,20}:\/\/([^\s/@:]{1,200}:[^\s/@]{1,200})@/gi,
    group: 1,
    needs: ['://'],
  },
  {
    kind: 'SECRET',
    pattern: new RegExp(
      String.raw`(?<![a-z])(?:[a-z]{1,20}[_-])?${sensitiveKey}["']?\s{0,3}(?:=|:|=>)\s{0,3}(?:"([^"\r\n]{3,500})"|'([^'\r\n]{3,500})'|(\$\{[^}\s]{1,100}\}|[^\s"',;&)\]}<>]{3,500}))`,
      'gi',
    ),
    group: 1,
    needs: ['pass', 'pwd', 'secret', 'key', 'token', 'credential', 'connection'],
    isReal: isSecretValue,
  },
  {
    kind: 'EMAIL',
    pattern: /(?<![\w.+-])[\w.+-]{1,64}@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.){1,8}[a-z]{2,24}\b/gi,
    group: 0,
    needs: ['@'],
  },
  {
    kind: 'IBAN',
    pattern: /\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b/g,
    group: 0,
    needs: [],
    isReal: isIban,
  },
  { kind: 'CARD', pattern: /(?<![\w.-])\d(?:[ -]?\d){12,18}(?![\w-]|\.\d)/g, group: 0, needs: [], isReal: isCard },
  {
    kind: 'MAC',
    pattern: /(?<![\w:-])[0-9a-f]{2}(?:([:-])[0-9a-f]{2})(?:\1[0-9a-f]{2}){4}(?![\w:-])/gi,
    group: 0,
    needs: [],
  },
  {
    kind: 'IP',
    pattern: /(?<![\d.\w-])(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)(?![\d.]*\d|\w|-)/g,
    group: 0,
    needs: ['.'],
    isReal: isAddress,
  },
  {
    kind: 'IP',
    pattern:
      /(?<![\w:.])(?:[0-9a-f]{1,4}:){2,7}(?::[0-9a-f]{1,4}){0,6}[0-9a-f]{0,4}(?![\w:])|(?<![\w:.])::(?:[0-9a-f]{1,4}:){0,6}[0-9a-f]{1,4}(?![\w:])/gi,
    group: 0,
    needs: ['::', ':'],
    isReal: isAddressOfSix,
  },
];

/** Values that a log shows instead of a secret, or that are none. */
const harmless =
  /^(?:true|false|null|none|nil|undefined|yes|no|ok|invalid|expired|missing|empty|required|unknown|n\/a|x{3,}|\*+|\.{3,}|\[?redacted\]?|\[?filtered\]?|<.*>|\$\{.*\}|%\w+%)$/i;

function isSecretValue(found: string, text: string, at: number): boolean {
  if (harmless.test(found)) return false;
  // "key=42" and "token: refresh" are everyday; a key that says password is always meant.
  const key =
    /([\w-]+)["']?\s{0,3}(?:=>|[:=])\s{0,3}["']?$/.exec(text.slice(Math.max(0, at - 60), at))?.[1]?.toLowerCase() ?? '';
  if (/pass|pwd|secret|credential|api[_-]?key/.test(key)) return true;
  return found.length >= 8 && entropyOf(found) >= 2.8 && /\d/.test(found);
}

/** Bits for each character, by the frequencies of the characters themselves. */
export function entropyOf(text: string): number {
  const counts = new Map<string, number>();
  for (const character of text) counts.set(character, (counts.get(character) ?? 0) + 1);
  let entropy = 0;
  for (const count of counts.values()) entropy -= (count / text.length) * Math.log2(count / text.length);
  return entropy;
}

/** Luhn's checksum, with a first digit that issuers use. */
function isCard(found: string): boolean {
  const digits = found.replace(/[ -]/g, '');
  if (!/^[2-6]/.test(digits) || /^(\d)\1+$/.test(digits)) return false;
  let sum = 0;
  for (let at = 0; at < digits.length; at++) {
    const digit = Number(digits[digits.length - 1 - at]);
    const doubled = at % 2 === 1 ? digit * 2 : digit;
    sum += doubled > 9 ? doubled - 9 : doubled;
  }
  return sum % 10 === 0;
}

/** ISO 13616: moved by four characters and read as a number, the remainder by 97 is 1. */
function isIban(found: string): boolean {
  const compact = found.replace(/ /g, '');
  if (compact.length < 15 || compact.length > 34) return false;
  let remainder = 0;
  for (const character of compact.slice(4) + compact.slice(0, 4)) {
    for (const digit of String(Number.parseInt(character, 36))) remainder = (remainder * 10 + Number(digit)) % 97;
  }
  return remainder === 1;
}

/** Versions look like addresses; nobody's privacy is in loopback, any, or a netmask. */
function isAddress(found: string, text: string, at: number): boolean {
  if (/^(?:127\.|0\.|255\.)/.test(found)) return false;
  return !/(?:version|ver|release|v)[\s=:]{0,2}$/i.test(text.slice(Math.max(0, at - 10), at));
}

function isAddressOfSix(found: string): boolean {
  const groups = found.split(':').filter((group) => group !== '');
  const isWhole = found.includes('::') ? found.split('::').length === 2 && groups.length < 8 : groups.length === 8;
  // 12:30:45 is a time, and so is 10:20:30:40; an address of four letters or more digits is none of those.
  return isWhole && found !== '::1' && groups.some((group) => group.length > 2 || /[a-f]/i.test(group));
}
