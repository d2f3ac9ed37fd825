import { CHAT_PAGE_MAX, listMessages, type ChatMessageSchema, type ChatSessionSchema } from '@tollgate/contracts';
import { Messages } from '@tollgate/messaging';
import { currentRequest, runInRequest } from '@tollgate/observability';
import { Injectable } from '@nestjs/common';
import { Readable } from 'node:stream';

/** Conversations of any length, written as they are read. One that cannot be read to its end breaks the connection. */
@Injectable()
export class Transcripts {
  constructor(private readonly messages: Messages) {}

  /** A JSON array of messages. */
  list(sessionId: string): Readable {
    return Readable.from(jsonListOf(this.all(sessionId)));
  }

  /** An object with `session` and `messages`. */
  json(session: ChatSessionSchema): Readable {
    const list = jsonListOf(this.all(session.session_id));
    return Readable.from(joined([`{"session":${JSON.stringify(session)},"messages":`], list, ['}']));
  }

  markdown(session: ChatSessionSchema): Readable {
    const heading = [`# ${session.title}\n\nStarted ${session.created_at}, last active ${session.last_active}.\n`];
    return Readable.from(joined(heading, sectionsOf(this.all(session.session_id)), []));
  }

  private async *all(sessionId: string): AsyncGenerator<ChatMessageSchema, void> {
    // A stream reads on from wherever its reader is, which has forgotten whose request it was.
    const request = currentRequest();
    let cursor: string | undefined;
    do {
      const query = { session_id: sessionId, limit: CHAT_PAGE_MAX, order: 'asc', include_superseded: false } as const;
      const read = () => this.messages.send(listMessages, { ...query, cursor });
      const page = await (request ? runInRequest(request, read) : read());
      yield* page.data;
      cursor = page.next_cursor ?? undefined;
    } while (cursor !== undefined);
  }
}

async function* jsonListOf(messages: AsyncIterable<ChatMessageSchema>): AsyncGenerator<string, void> {
  let separator = '[';
  for await (const message of messages) {
    yield separator + JSON.stringify(message);
    separator = ',';
  }
  yield separator === '[' ? '[]' : ']';
}

async function* sectionsOf(messages: AsyncIterable<ChatMessageSchema>): AsyncGenerator<string, void> {
  for await (const { sender, timestamp, state, content, model, tool_calls: calls } of messages) {
    const speakers = { user: 'User', LLM: `Assistant${model ? ` (${model})` : ''}`, tool: 'Results of functions' };
    const remark = state === 'complete' ? '' : `, ${state}`;
    const called = (calls ?? []).map(({ function: { name, arguments: json } }) => `Calls \`${name}\`:\n\n    ${json}`);
    const text = [content, ...called].filter((part) => part !== '').join('\n\n');
    yield `\n## ${speakers[sender]}, ${timestamp}${remark}\n\n${text}\n`;
  }
}

async function* joined(...parts: (Iterable<string> | AsyncIterable<string>)[]): AsyncGenerator<string, void> {
  for (const part of parts) yield* part;
}
