import { randomBytes } from 'node:crypto';
import type { DescribedRoute } from './described-api.js';

/** Of which a planted text is made: so long that nothing else contains it, and like no key that a pattern could know. */
const mark = () => `planted${randomBytes(9).toString('hex')}`;

/** What must not come out again, by what it is. Those that the gateway hands out are added when they are heard. */
export class Planted {
  readonly prompt = mark();
  readonly password = mark();
  readonly adminPassword = mark();
  readonly providerKey = mark();
  /** In a header, a path or a parameter in which it has no business. */
  readonly stray = mark();
  private readonly issued = new Map<string, string>();

  /** Remembers tokens, keys and secrets of an answer. */
  hear(body: string): void {
    for (const [, name = '', value = ''] of body.matchAll(issuedFields)) this.issued.set(value, name);
  }

  /** Names of all kinds of which something was issued. */
  kinds(): string[] {
    return [...new Set(this.issued.values())].sort();
  }

  /** Which of them stand in the text, with the line of the first; prompts only where they count as secret. */
  foundIn(place: string, text: string, { withPrompts = true } = {}): string[] {
    const { prompt, password, adminPassword, providerKey, stray } = this;
    const fixed = { password, adminPassword, providerKey, stray, ...(withPrompts && { prompt }) };
    const issued = [...this.issued].map(([value, name]) => [name, secretPartOf(value)]);
    return [...Object.entries(fixed), ...issued].flatMap(([name = '', secret = '']) => {
      const at = text.indexOf(secret);
      return at < 0 ? [] : [`${name} in ${place}: ${text.slice(Math.max(0, at - 300), at + 300)}`];
    });
  }
}

const issuedFields = /"(access_token|refresh_token|key|secret|ticket|token)"\s*:\s*"([^"]{20,})"/g;

/** Of a JWT its signature, without which it is worth nothing; of the others all. */
function secretPartOf(value: string): string {
  return value.startsWith('eyJ') ? value.slice(value.lastIndexOf('.') + 1) : value;
}

/** Fields that take any text. */
const freeText =
  /^(text|message|content|prompt|prompts|system|user_feedback|initial_message|user_message|title|description|comment|correction|reason|character_name|service)$/;

/** A request that is as the document's example has it, with a planted text in every field that takes any. */
export function plantedExample(route: DescribedRoute, planted: Planted): string | undefined {
  if (!route.body) return route.textTypes.length > 0 ? `2024-01-15T10:30:45Z ERROR ${planted.prompt}` : undefined;
  return JSON.stringify(route.body.example ?? {}, (name, value: unknown) => {
    if (name === 'password') return planted.password;
    if (name === 'email') return `${randomBytes(9).toString('hex')}@example.com`;
    if (name === 'prompts' && Array.isArray(value)) return value.map((each) => `${String(each)} ${planted.prompt}`);
    if (name === 'schema' || name === 'model') return value;
    return typeof value === 'string' && freeText.test(name) ? `${value} ${planted.prompt}` : value;
  });
}

/** The same with a planted text for every text but a model's name, which is told to whoever asked for it. Few schemas allow it. */
export function plantedEverywhere(route: DescribedRoute, planted: Planted): string | undefined {
  if (!route.body) return undefined;
  const named = ['password', 'refresh_token', 'token', 'url'];
  return JSON.stringify(route.body.example ?? {}, (name, value: unknown) =>
    typeof value === 'string' && name !== 'model' ? (named.includes(name) ? planted.password : planted.prompt) : value,
  );
}
