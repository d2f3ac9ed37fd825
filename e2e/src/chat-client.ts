import type { ChatMessageSchema, ChatTurnEvent } from '@tollgate/contracts';
import { ChatMessagePage, ChatTurnEvent as TurnEvent, StartChatResponse } from '@tollgate/contracts';
import { request, type ClientRequest, type IncomingMessage } from 'node:http';
import type { TestClient } from './client.js';

const sessions = '/api/v1/chat/sessions';

export async function startSession(client: TestClient, message: string): Promise<StartChatResponse> {
  const response = await client.post(sessions, { initial_message: message });
  if (!response.ok) throw new Error(`start: ${response.status} ${await response.text()}`);
  return StartChatResponse.parse(await response.json());
}

/** All messages, page by page. */
export async function historyOf(client: TestClient, sessionId: string): Promise<ChatMessageSchema[]> {
  const messages: ChatMessageSchema[] = [];
  let cursor: string | null = '';
  do {
    const query: string = cursor ? `&cursor=${cursor}` : '';
    const response = await client.get(`${sessions}/${sessionId}/messages?limit=200${query}`);
    const page = ChatMessagePage.parse(await response.json());
    messages.push(...page.data);
    cursor = page.next_cursor;
  } while (cursor !== null);
  return messages;
}

/** What a client has of an answer over all of its connections. */
export interface Received {
  text: string;
  lastEventId: string | undefined;
  messageId: string | undefined;
  end: ChatMessageSchema | undefined;
}

export function newReceived(): Received {
  return { text: '', lastEventId: undefined, messageId: undefined, end: undefined };
}

/**
 * Reads a stream over a connection that breaks after `bytes`; of an event that did not arrive whole nothing is kept, as an
 * EventSource does it.
 */
export function readUntilCut(
  target: { url: string; method: 'GET' | 'POST'; token: string; body?: object },
  received: Received,
  bytes: number,
): Promise<void> {
  const { url, method, token, body } = target;
  return new Promise((resolve, reject) => {
    const headers: Record<string, string> = { authorization: `Bearer ${token}` };
    if (body) headers['content-type'] = 'application/json';
    if (received.lastEventId !== undefined) headers['last-event-id'] = received.lastEventId;
    const outgoing: ClientRequest = request(url, { method, headers, agent: false }, (response: IncomingMessage) => {
      let rest = '';
      let room = bytes;
      if (response.statusCode !== 200) reject(new Error(`status ${response.statusCode}`));
      response.setEncoding('latin1');
      response.on('data', (chunk: string) => {
        rest += chunk.slice(0, Math.max(0, room));
        room -= chunk.length;
        const blocks = rest.split('\n\n');
        rest = blocks.pop() ?? '';
        for (const block of blocks) take(Buffer.from(block, 'latin1').toString(), received);
        if (room <= 0) outgoing.destroy();
      });
      response.on('close', resolve);
      response.on('error', () => resolve());
    });
    outgoing.on('error', () => resolve());
    outgoing.end(body && JSON.stringify(body));
  });
}

function take(block: string, received: Received): void {
  const [, id, data] = /^id: (\d+)\ndata: (.*)$/s.exec(block) ?? [];
  if (data === undefined) return; // A ping, or [DONE].
  const event: ChatTurnEvent = TurnEvent.parse(JSON.parse(data));
  received.lastEventId = id;
  if (event.type === 'start') received.messageId = event.message_id;
  if (event.type === 'delta') received.text += event.delta;
  if (event.type === 'end') received.end = event.message;
}
