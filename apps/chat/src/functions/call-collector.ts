import type { CompletionPart, ToolCall } from '@tollgate/contracts';
import { v7 as uuidv7 } from 'uuid';

type CallPart = Extract<CompletionPart, { type: 'tool_call' }>;

/** Puts the pieces of a streamed answer's calls together. */
export class CallCollector {
  private readonly calls = new Map<number, { name: string; json: string }>();

  add({ index, name = '', arguments: json }: CallPart): void {
    const call = this.calls.get(index) ?? { name: '', json: '' };
    this.calls.set(index, { name: call.name + name, json: call.json + json });
  }

  /** In their order, with ids of ours: a provider may give none, or the same one twice. */
  all(): ToolCall[] {
    return [...this.calls]
      .toSorted(([left], [right]) => left - right)
      .map(([, { name, json }]) => ({
        id: `call_${uuidv7().replaceAll('-', '')}`,
        type: 'function',
        // Postgres stores no NUL characters.
        function: { name: name.replaceAll('\0', ''), arguments: json === '' ? '{}' : json.replaceAll('\0', '') },
      }));
  }
}
