/** Cuts chunks into lines. A line break is LF or CRLF; bytes that are no UTF-8 become U+FFFD. */
export class LineSplitter {
  readonly #decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  /** The beginning of a line whose end has not come yet. */
  #parts: string[] = [];

  write(chunk: Uint8Array | string, onLine: (line: string) => void): void {
    this.#take(typeof chunk === 'string' ? chunk : this.#decoder.decode(chunk, { stream: true }), onLine);
  }

  /** A last line without a line break is a line; nothing after the last line break is none. */
  end(onLine: (line: string) => void): void {
    this.#take(this.#decoder.decode(), onLine);
    if (this.#parts.length === 0) return;
    onLine(withoutReturn(this.#parts.join('')));
    this.#parts = [];
  }

  #take(text: string, onLine: (line: string) => void): void {
    let start = 0;
    let end = text.indexOf('\n');
    if (end >= 0 && this.#parts.length > 0) {
      this.#parts.push(text.slice(0, end));
      onLine(withoutReturn(this.#parts.join('')));
      this.#parts = [];
      start = end + 1;
      end = text.indexOf('\n', start);
    }
    for (; end >= 0; end = text.indexOf('\n', start)) {
      onLine(text.slice(start, text.charCodeAt(end - 1) === 13 && end > start ? end - 1 : end));
      start = end + 1;
    }
    if (start < text.length) this.#parts.push(start === 0 ? text : text.slice(start));
  }
}

function withoutReturn(line: string): string {
  return line.endsWith('\r') ? line.slice(0, -1) : line;
}
