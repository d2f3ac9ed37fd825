import { errorOf, TollgateError } from './errors.js';

/**
 * The JSON of every event of a stream of server-sent events, until `[DONE]`. Raises what the gateway sends as an error event,
 * and `stream_cut` when the stream ends without `[DONE]`: nothing that was cut looks complete. `onBytes` hears of everything
 * that arrives, pings too.
 */
export async function* readEvents<Event>(
  body: ReadableStream<Uint8Array>,
  onBytes: () => void = () => undefined,
): AsyncGenerator<Event, void> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let rest = '';
  try {
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      onBytes();
      const blocks = (rest + decoder.decode(part.value, { stream: true })).split(/\r?\n\r?\n/);
      rest = blocks.pop() ?? '';
      for (const data of blocks.flatMap((block) => dataOf(block) ?? [])) {
        if (data === '[DONE]') return;
        const event: Event = JSON.parse(data);
        const error = errorOf(event);
        if (error) throw error;
        yield event;
      }
    }
  } finally {
    // Whoever stops early lets the gateway know, which stops the model.
    await reader.cancel().catch(() => undefined);
  }
  throw new TollgateError('stream_cut', 'The stream ended before it was complete.');
}

/** The data lines of one event, joined; undefined for a comment. */
function dataOf(block: string): string | undefined {
  const lines = block.split(/\r?\n/).filter((line) => line.startsWith('data:'));
  return lines.length > 0 ? lines.map((line) => line.slice('data:'.length).trimStart()).join('\n') : undefined;
}
