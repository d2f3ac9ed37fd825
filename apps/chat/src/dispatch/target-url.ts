/** The URL of a schema's target, which may also be a note in words: `https://…` or `POST https://…`. */
export function targetUrlOf(target: string | null | undefined): string | undefined {
  const url = URL.parse(target?.replace(/^POST\s+/i, '').trim() ?? '');
  return url && ['http:', 'https:'].includes(url.protocol) ? url.href : undefined;
}
