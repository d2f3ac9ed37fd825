/** No line of a provider may be longer than this; beyond it the answer is nonsense or an attack on our memory. */
const LINE_CHARACTERS_MAX = 4 * 1024 * 1024;

/** Splits text that arrives in arbitrary pieces into its lines; blank ones are left out, a last one without end is kept. */
export async function* lines(pieces: AsyncIterable<string>): AsyncGenerator<string, void> {
  let rest = '';
  for await (const piece of pieces) {
    const parts = piece.split('\n');
    parts[0] = rest + (parts[0] ?? '');
    rest = parts.pop() ?? '';
    if (rest.length > LINE_CHARACTERS_MAX) throw new Error(`a line of more than ${LINE_CHARACTERS_MAX} characters`);
    for (const line of parts) if (line.trim() !== '') yield line;
  }
  if (rest.trim() !== '') yield rest;
}
