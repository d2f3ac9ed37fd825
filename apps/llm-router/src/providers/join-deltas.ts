import type { ProviderEvent } from './provider.js';

type TextEvent = Extract<ProviderEvent, { text: string }>;

/**
 * Texts that arrived together become one event: what each one costs on its way to the client is the same for a sentence as for
 * a token, and none of them comes later for it. What came before a failure is handed out before it.
 */
export function* joinDeltas(events: Iterable<ProviderEvent>): Generator<ProviderEvent, void> {
  let text: TextEvent | undefined;
  try {
    for (const event of events) {
      if (text && text.type === event.type) {
        text = { type: text.type, text: text.text + event.text };
        continue;
      }
      if (text) yield text;
      text = isText(event) ? event : undefined;
      if (!text) yield event;
    }
  } catch (error) {
    if (text) yield text;
    throw error;
  }
  if (text) yield text;
}

function isText(event: ProviderEvent): event is TextEvent {
  return event.type === 'delta' || event.type === 'reasoning';
}
