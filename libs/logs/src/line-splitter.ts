import { isAscii } from 'node:buffer';

/** A line of more characters is cut there: no string of a log may grow without bound. */
const lineCharactersMax = 4_194_304;
const LINE_FEED = 10;
const CARRIAGE_RETURN = 13;

export type OnLine = (line: string, isCut: boolean) => void;

/** Cuts chunks into lines. A line break is LF or CRLF; bytes that are no UTF-8 become U+FFFD. */
export class LineSplitter {
  /** Whether a U+FFFD has been seen: what could not be read, here or by whoever wrote the log. */
  hasUnreadable = false;
  readonly #decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  /** The beginning of a line whose end has not come yet, and how long it is. */
  #parts: string[] = [];
  #partCharacters = 0;
  /** The last bytes may be half of a character. */
  #isMidCharacter = false;

  write(chunk: Uint8Array | string, onLine: OnLine): void {
    if (typeof chunk === 'string') return this.#take(chunk, onLine);
    // Strings of their own are faster to read than pieces of one long string.
    if (!this.#isMidCharacter && isAscii(chunk)) return this.#takeAscii(chunk, onLine);
    this.#take(this.#decoder.decode(chunk, { stream: true }), onLine);
    const last = chunk.at(-1);
    if (last !== undefined) this.#isMidCharacter = last > 127;
  }

  /** A last line without a line break is a line; nothing after the last line break is none. */
  end(onLine: OnLine): void {
    this.#take(this.#decoder.decode(), onLine);
    if (this.#partCharacters > 0) this.#endLine('', onLine);
  }

  #takeAscii(chunk: Uint8Array, onLine: OnLine): void {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    let start = 0;
    for (let end = bytes.indexOf(LINE_FEED); end >= 0; end = bytes.indexOf(LINE_FEED, start)) {
      const last = bytes[end - 1] === CARRIAGE_RETURN && end > start ? end - 1 : end;
      if (this.#partCharacters > 0) this.#endLine(bytes.toString('latin1', start, end), onLine);
      else emit(bytes.toString('latin1', start, last), onLine);
      start = end + 1;
    }
    if (start < bytes.length) this.#keep(bytes.toString('latin1', start));
  }

  #take(text: string, onLine: OnLine): void {
    this.hasUnreadable ||= text.includes('\uFFFD');
    let start = 0;
    for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', start)) {
      if (this.#partCharacters > 0) this.#endLine(text.slice(start, end), onLine);
      else emit(withoutReturn(text.slice(start, end)), onLine);
      start = end + 1;
    }
    if (start < text.length) this.#keep(start === 0 ? text : text.slice(start));
  }

  /** What is beyond the bound need not be remembered, only that it was there. */
  #keep(part: string): void {
    if (this.#partCharacters <= lineCharactersMax) this.#parts.push(part);
    this.#partCharacters += part.length;
  }

  #endLine(part: string, onLine: OnLine): void {
    this.#keep(part);
    const line = this.#parts.join('');
    this.#parts = [];
    this.#partCharacters = 0;
    emit(withoutReturn(line), onLine);
  }
}

function emit(line: string, onLine: OnLine): void {
  const isCut = line.length > lineCharactersMax;
  onLine(isCut ? line.slice(0, lineCharactersMax) : line, isCut);
}

function withoutReturn(line: string): string {
  return line.endsWith('\r') ? line.slice(0, -1) : line;
}
