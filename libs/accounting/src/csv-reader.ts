import { AppError } from '@tollgate/contracts';

const FIELD_CHARACTERS_MAX = 10_000;
const FIELDS_MAX = 200;

/**
 * The records of a CSV file (RFC 4180: quotes, doubled quotes, line breaks in quotes), one at a time and however its chunks are cut. The
 * delimiter is the one of comma, semicolon and tab that the first line has most of. Raises `invalid_request` with the line.
 */
export async function* readCsv(chunks: AsyncIterable<string>): AsyncGenerator<string[], void> {
  const reader = new RecordReader();
  for await (const chunk of chunks) yield* reader.read(chunk);
  yield* reader.end();
}

class RecordReader {
  private delimiter: string | undefined;
  private head = '';
  private field = '';
  private record: string[] = [];
  private state: 'field' | 'quoted' | 'after quote' = 'field';
  private line = 1;

  *read(chunk: string): Generator<string[], void> {
    if (this.delimiter !== undefined) return yield* this.take(chunk, this.delimiter);
    this.head += chunk;
    if (!/[\r\n]/.test(this.head)) {
      this.checkLength(this.head);
      return;
    }
    yield* this.takeHead();
  }

  *end(): Generator<string[], void> {
    if (this.delimiter === undefined) yield* this.takeHead();
    if (this.state === 'quoted') throw this.refused('a quote is not closed');
    if (this.field !== '' || this.record.length > 0) yield this.endRecord();
  }

  private *takeHead(): Generator<string[], void> {
    const head = this.head.replace(/^\uFEFF/, '');
    const [firstLine = ''] = head.split(/[\r\n]/, 1);
    const count = (delimiter: string) => firstLine.split(delimiter).length;
    const [best = ','] = [',', ';', '\t'].sort((one, other) => count(other) - count(one));
    this.delimiter = best;
    yield* this.take(head, best);
  }

  private *take(chunk: string, delimiter: string): Generator<string[], void> {
    const ends = delimiter === '\t' ? /[\t"\r\n]/g : delimiter === ';' ? /[;"\r\n]/g : /[,"\r\n]/g;
    for (let position = 0; position < chunk.length; position += 1) {
      const end = this.state === 'quoted' ? chunk.indexOf('"', position) : indexOf(ends, chunk, position);
      const text = chunk.slice(position, end === -1 ? undefined : end);
      if (text !== '') this.append(text);
      if (end === -1) return;
      position = end;
      const character = chunk[end];
      if (this.state === 'quoted') this.state = 'after quote';
      else if (character === '"') this.openQuote();
      else if (character === delimiter) this.endField();
      else if (character === '\n') {
        // An empty line is no record.
        if (this.field !== '' || this.record.length > 0) yield this.endRecord();
        this.line += 1;
      }
    }
  }

  /** A quote after a quote is one; one in the middle of a field is just that. */
  private openQuote(): void {
    if (this.state === 'after quote' || this.field !== '') this.append('"');
    if (this.state === 'after quote' || this.field === '') this.state = 'quoted';
  }

  private append(character: string): void {
    this.field += character;
    this.checkLength(this.field);
  }

  private endField(): void {
    this.record.push(this.field);
    this.field = '';
    this.state = 'field';
    if (this.record.length > FIELDS_MAX) throw this.refused(`has more than ${FIELDS_MAX} fields`);
  }

  private endRecord(): string[] {
    this.endField();
    const { record } = this;
    this.record = [];
    return record;
  }

  private checkLength(text: string): void {
    if (text.length > FIELD_CHARACTERS_MAX) throw this.refused('has a field that is too long');
  }

  private refused(what: string): AppError {
    return new AppError('invalid_request', `line ${this.line}: ${what}`, { param: `line ${this.line}` });
  }
}

function indexOf(pattern: RegExp, text: string, from: number): number {
  pattern.lastIndex = from;
  return pattern.exec(text)?.index ?? -1;
}
