import type { IncomingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';
import { Busboy } from '@fastify/busboy';
import { AppError } from '@tollgate/contracts';

const FIELDS_MAX = 20;
const FIELD_BYTES_MAX = 65_536;

/** A file of a form, while it comes. */
export interface FormFile {
  name: string;
  isGzip: boolean;
  bytes: AsyncIterable<Buffer>;
}

/**
 * Reads a form (multipart/form-data, RFC 7578) with one file, which `take` consumes as it comes. Resolves to its other fields.
 * Raises `invalid_request` for a broken form, no file or several, and whatever `take` does.
 */
export async function readForm(
  headers: IncomingHttpHeaders,
  source: AsyncIterable<Buffer>,
  take: (file: FormFile) => Promise<void>,
): Promise<Record<string, string>> {
  const fields: Record<string, string> = {};
  let failure: unknown;
  let taking: Promise<void> | undefined;
  const fail = (error: unknown) => void (failure ??= error);
  const form = openForm(headers);
  form.on('field', (name, value, _isNameCut, isCut) => {
    if (isCut) fail(refused(name, 'is too long'));
    fields[name] = value;
  });
  form.on('fieldsLimit', () => fail(refused('body', `has more than ${FIELDS_MAX} fields`)));
  form.on('file', (name, file, filename, _encoding, type) => {
    if (taking) {
      fail(refused(name, 'is a second file'));
      file.resume();
      return;
    }
    const isGzip = /^application\/(x-)?gzip$/.test(type) || filename?.endsWith('.gz') === true;
    // A file that is not consumed any more must not hold up the rest of the form.
    taking = take({ name, isGzip, bytes: chunksOf(file) }).catch((error: unknown) => {
      fail(error);
      file.resume();
    });
  });
  const ended = new Promise<void>((resolve) =>
    form.once('finish', resolve).once('error', (error) => resolve(fail(error))),
  );
  for await (const chunk of source) {
    if (failure !== undefined) throw asRefusal(failure);
    if (!form.write(chunk)) await Promise.race([drained(form), ended]);
  }
  form.end();
  await ended;
  await taking;
  if (failure !== undefined) throw asRefusal(failure);
  if (!taking) throw refused('file', 'is missing: the log as a file of the form');
  return fields;
}

function openForm(headers: IncomingHttpHeaders) {
  try {
    const { 'content-type': type = '' } = headers;
    return new Busboy({
      headers: { 'content-type': type },
      limits: { fields: FIELDS_MAX, fieldSize: FIELD_BYTES_MAX, files: 2 },
      isPartAFile: (name, partType, filename) =>
        filename !== undefined || name === 'file' || partType === 'application/octet-stream',
    });
  } catch (error) {
    throw new AppError('invalid_request', 'The form is malformed.', { cause: error });
  }
}

async function* chunksOf(file: Readable): AsyncGenerator<Buffer, void> {
  for await (const chunk of file.iterator({ destroyOnReturn: false })) yield Buffer.from(chunk);
}

function drained(form: InstanceType<typeof Busboy>): Promise<void> {
  return new Promise((resolve) => form.once('drain', resolve));
}

function asRefusal(error: unknown): unknown {
  if (error instanceof Error && error.name !== 'AppError') {
    return new AppError('invalid_request', 'The form is malformed.', { cause: error });
  }
  return error;
}

function refused(param: string, problem: string): AppError {
  return new AppError('invalid_request', `${param}: ${problem}`, { param });
}
