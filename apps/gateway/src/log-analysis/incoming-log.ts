import type { IncomingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';
import { errorCodes, type FastifyInstance } from 'fastify';
import type { LogUploads, ReceivedLog } from './log-uploads.service.js';

const types = [
  'text/plain',
  'application/x-ndjson',
  'application/ndjson',
  'application/jsonl',
  'application/gzip',
  'application/x-gzip',
  'application/octet-stream',
  'multipart/form-data',
];

/** What a route does with a log, as it stands in its configuration. */
export type LogUse = 'answer' | 'job';

/** The body of a request that uploads a log. Nothing of it is read before somebody asks for it, who knows the caller by then. */
export class IncomingLog {
  readonly #receive: () => Promise<ReceivedLog>;
  readonly #discard: (id: string) => void;
  #received: Promise<ReceivedLog> | undefined;

  constructor(uploads: LogUploads, headers: IncomingHttpHeaders, body: Readable, use: LogUse) {
    this.#receive = () => uploads.receive(headers, body, use);
    this.#discard = (id) => uploads.discard(id);
  }

  /** Reads it, once. Raises what {@link LogUploads.receive} does. */
  received(): Promise<ReceivedLog> {
    return (this.#received ??= this.#receive());
  }

  /** Nobody will ask for what has been received: it is forgotten now. */
  async discard(): Promise<void> {
    const received = await this.#received;
    if (received) this.#discard(received.id);
  }
}

/** Routes with `takesLogs` in their configuration take uploads beside JSON; for all others these types stay unsupported. */
export function acceptLogs(fastify: FastifyInstance, uploads: LogUploads): void {
  for (const type of types) {
    fastify.addContentTypeParser(type, (request, payload, done) => {
      const use = useOf(request.routeOptions.config);
      if (use) done(null, new IncomingLog(uploads, request.headers, payload, use));
      else done(new errorCodes.FST_ERR_CTP_INVALID_MEDIA_TYPE(type));
    });
  }
}

function useOf(config: object): LogUse | undefined {
  if (!('takesLogs' in config)) return undefined;
  return config.takesLogs === 'answer' || config.takesLogs === 'job' ? config.takesLogs : undefined;
}
