import { type SecretKind, secretForms } from './secret-kinds.js';

const pseudonym = /<([A-Z_]+)_(\d+)>/g;

/**
 * Replaces secrets and personal data by typed pseudonyms such as `<IP_3>` before text leaves, and puts the originals back into
 * what returns. The same value has the same pseudonym as long as the redactor lives. Ids of blocks, traces and the like
 * stay: they are what an analysis needs.
 */
export class Redactor {
  private readonly pseudonyms = new Map<string, string>();
  private readonly originals = new Map<string, string>();
  private readonly numbers = new Map<SecretKind, number>();

  redact(text: string): string {
    const lower = text.toLowerCase();
    let redacted = text;
    for (const { kind, pattern, group, needs, isReal } of secretForms) {
      if (needs.length > 0 && !needs.some((needed) => lower.includes(needed))) continue;
      redacted = redacted.replace(pattern, (...match: unknown[]) => {
        const whole = String(match[0]);
        const at = Number(match.find((part) => typeof part === 'number'));
        const found = group === 0 ? whole : match.slice(group).find((part) => typeof part === 'string');
        if (typeof found !== 'string') return whole;
        const start = group === 0 ? 0 : whole.lastIndexOf(found);
        if (isPseudonym(found) || isReal?.(found, redacted, at + start) === false) return whole;
        return whole.slice(0, start) + this.pseudonymOf(kind, found) + whole.slice(start + found.length);
      });
    }
    return redacted;
  }

  /** Puts the originals back; a pseudonym that was never given stays as it is. */
  restore(text: string): string {
    return text.replace(pseudonym, (found) => this.originals.get(found) ?? found);
  }

  /** Different values replaced so far, by kind. */
  counts(): Partial<Record<SecretKind, number>> {
    return Object.fromEntries(this.numbers);
  }

  private pseudonymOf(kind: SecretKind, value: string): string {
    const key = `${kind} ${value}`;
    const known = this.pseudonyms.get(key);
    if (known !== undefined) return known;
    let number = this.numbers.get(kind) ?? 0;
    const created = `<${kind}_${++number}>`;
    this.numbers.set(kind, number);
    this.pseudonyms.set(key, created);
    // What an earlier pattern replaced within it is restored with it.
    this.originals.set(created, this.restore(value));
    return created;
  }
}

function isPseudonym(text: string): boolean {
  return /^<[A-Z_]+_\d+>$/.test(text);
}
