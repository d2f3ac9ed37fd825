import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { Gateway } from './gateway.js';

const PIECES_APART_MS = 50;

/** A connection to the gateway, as soon as it is open, or refused. What goes wrong with it ends it. */
export async function openConnection({ url }: Pick<Gateway, 'url'>): Promise<Socket> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.setEncoding('utf8').on('error', () => socket.destroy());
  await new Promise((resolve) => socket.once('connect', resolve).once('close', resolve));
  return socket;
}

/** What comes back for bytes that are sent in pieces, until the gateway closes the connection. */
export async function exchange(gateway: Pick<Gateway, 'url'>, ...pieces: string[]): Promise<string> {
  const socket = await openConnection(gateway);
  if (socket.destroyed) return '';
  const closed = new Promise((resolve) => socket.once('close', resolve));
  let received = '';
  socket.on('data', (chunk: string) => (received += chunk));
  for (const [index, piece] of pieces.entries()) {
    if (index > 0) await delay(PIECES_APART_MS);
    if (!socket.writable) break;
    socket.write(piece);
  }
  await closed;
  return received;
}
