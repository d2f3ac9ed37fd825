import type { IncomingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';
import { appendLog, AppError, discardLog } from '@tollgate/contracts';
import { Messages } from '@tollgate/messaging';
import { Inject, Injectable } from '@nestjs/common';
import { v7 as uuidv7 } from 'uuid';
import { LogCutter } from './log-cutter.js';
import { readForm } from './multipart.js';
import { unpack } from './unpacked.js';

export const UPLOAD_LIMITS = Symbol('bytes of an uploaded log');

/** Bytes of a log, unpacked. */
export interface UploadLimits {
  answerBytesMax: number;
  jobBytesMax: number;
}

export interface ReceivedLog {
  id: string;
  digest: string;
  /** Of the form that it came in. */
  fields: Record<string, string>;
}

/** Takes a log as it comes and hands it to log-analysis in pieces; nothing here holds more of it than one. */
@Injectable()
export class LogUploads {
  constructor(
    private readonly messages: Messages,
    @Inject(UPLOAD_LIMITS) private readonly limits: UploadLimits,
  ) {}

  /** Raises `payload_too_large`, `unsupported_media_type` and `invalid_request`, each with what is wrong. */
  async receive(headers: IncomingHttpHeaders, body: Readable, use: 'answer' | 'job'): Promise<ReceivedLog> {
    const id = uuidv7();
    const bytesMax = use === 'job' ? this.limits.jobBytesMax : this.limits.answerBytesMax;
    const cutter = new LogCutter((piece) => this.messages.send(appendLog, { log_id: id, ...piece }));
    const take = (chunk: Buffer) => cutter.write(chunk);
    const isGzip = isPacked(headers);
    const bytes = chunksOf(body);
    let fields: Record<string, string> = {};
    let param = 'body';
    try {
      if (headers['content-type']?.startsWith('multipart/form-data')) {
        if (isGzip) throw unsupported('A form cannot be compressed as a whole; compress its file.');
        fields = await readForm(headers, bytes, (file) => {
          param = file.name;
          return unpack(file.bytes, { isGzip: file.isGzip, bytesMax, param }, take);
        });
      } else await unpack(bytes, { isGzip, bytesMax, param }, take);
      const digest = await cutter.end();
      if (cutter.bytes === 0) throw new AppError('invalid_request', `${param}: the log is empty`, { param });
      return { id, digest, fields };
    } catch (error) {
      // The rest is read and dropped, so that the client hears why.
      body.resume();
      if (cutter.bytes > 0) this.discard(id);
      throw error;
    }
  }

  /** Never rejects: what cannot be forgotten now expires. */
  discard(id: string): void {
    this.messages.send(discardLog, { log_id: id }).catch(() => undefined);
  }
}

async function* chunksOf(body: Readable): AsyncGenerator<Buffer, void> {
  for await (const chunk of body.iterator({ destroyOnReturn: false })) yield Buffer.from(chunk);
}

function isPacked({
  'content-encoding': encoding = 'identity',
  'content-type': type = '',
}: IncomingHttpHeaders): boolean {
  if (encoding === 'gzip' || encoding === 'x-gzip') return true;
  if (encoding !== 'identity') throw unsupported('The content-encoding must be gzip, or none.');
  return /^application\/(x-)?gzip\b/.test(type);
}

function unsupported(message: string): AppError {
  return new AppError('unsupported_media_type', message);
}
