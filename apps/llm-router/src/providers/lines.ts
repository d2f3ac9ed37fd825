/** No line of a provider may be longer than this; beyond it the answer is nonsense or an attack on our memory. */
export const LINE_CHARACTERS_MAX = 4 * 1024 * 1024;

/** Splits text that arrives in arbitrary pieces into its lines; blank ones are left out. */
export class LineSplitter {
  private unfinished: string[] = [];
  private unfinishedLength = 0;

  /** The lines that this piece completes. Throws when one grows beyond four million characters. */
  feed(piece: string): string[] {
    const [head = '', ...others] = piece.split('\n');
    this.unfinished.push(head);
    this.unfinishedLength += head.length;
    if (this.unfinishedLength > LINE_CHARACTERS_MAX) throw new Error('a line is too long');
    const rest = others.pop();
    if (rest === undefined) return [];
    const lines = [this.unfinished.join(''), ...others];
    this.unfinished = [rest];
    this.unfinishedLength = rest.length;
    return lines.filter((line) => line.trim() !== '');
  }

  /** The last line, when it had no end. */
  end(): string[] {
    return this.feed('\n');
  }
}
