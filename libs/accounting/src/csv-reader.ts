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
    for (const character of chunk) {
      if (this.state === 'quoted') {
        if (character === '"') this.state = 'after quote';
        else this.append(character);
      } else if (character === '"' && this.state === 'after quote') {
        this.append('"');
        this.state = 'quoted';
      } else if (character === '"' && this.field === '') this.state = 'quoted';
      else if (character === delimiter) this.endField();
      else if (character === '\n') {
        // An empty line is no record.
        if (this.field !== '' || this.record.length > 0) yield this.endRecord();
        this.line += 1;
      } else if (character !== '\r') this.append(character);
    }
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
