import fc from 'fast-check';
import { findSessionKeys } from './session-keys.js';
import { SessionStore } from './session-store.js';

function keysIn(text: string): string[] {
  const keys: string[] = [];
  findSessionKeys(text, (_kind, _key, from, to) => keys.push(text.slice(from, to)));
  return keys;
}

describe('findSessionKeys', () => {
  it.each([
    ['Receiving block blk_-1608999687919862906 src: /10.250.19.102:54106', ['blk_-1608999687919862906']],
    ['request 550e8400-e29b-41d4-a716-446655440000 done', ['550e8400-e29b-41d4-a716-446655440000']],
    ['{"msg":"paid","order_id":"A17x","took":31}', ['A17x']],
    ['session=9183 opened by user', ['9183']],
    ['req-0042 step two', ['req-0042']],
    ['trace 4bf92f3577b34da6a3ce929d0e0e4736', ['4bf92f3577b34da6a3ce929d0e0e4736']],
  ])('finds what names a unit of work in %j', (text, keys) => expect(keysIn(text)).toEqual(keys));

  it.each([
    'connect to 10.250.19.102:54106 took 345 ms',
    'at 2026-01-15 10:30:45.123 version 1.2.3',
    'user 17 bought 3 of 12',
    'nothing at all',
  ])('finds nothing in %j', (text) => expect(keysIn(text)).toEqual([]));

  it('gives the same key to the same id and another to another, of the same kind', () => {
    const seen: [number, number][] = [];
    for (const text of ['open req-0042', 'req-0042 closed', 'open req-0043']) {
      findSessionKeys(text, (kind, key) => seen.push([kind, key]));
    }
    expect(seen[0]).toEqual(seen[1]);
    expect(seen[2]?.[0]).toBe(seen[0]?.[0]);
    expect(seen[2]?.[1]).not.toBe(seen[0]?.[1]);
  });
});

describe('SessionStore', () => {
  const step = fc.record({ session: fc.nat(300), shape: fc.nat(4) });

  it('merges parts to the sessions of one pass', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 400 }), fc.nat(400), (steps, cut) => {
        const stores = [new SessionStore(), new SessionStore(), new SessionStore()] as const;
        steps.forEach(({ session, shape }, index) => {
          stores[0].add(`job_10${session} runs`, shape, index + 1);
          stores[index < cut ? 1 : 2].add(`job_10${session} runs`, shape, index + 1);
        });
        stores[1].merge(SessionStore.restore(JSON.parse(JSON.stringify(stores[2].snapshot()))), (shape) => shape);
        const sessionsOf = (store: SessionStore) => store.list().flatMap(({ sessions }) => sessions);
        expect(sessionsOf(stores[1])).toEqual(sessionsOf(stores[0]));
      }),
    );
  });

  it('follows a sample in full when there are too many, and says which share', () => {
    const store = new SessionStore();
    for (let line = 1; line <= 300_000; line++)
      store.add(`job_${1_000_000 + Math.floor(line / 3)} runs`, line % 3, line);
    const [kind] = store.list();
    expect(kind?.share).toBeLessThan(1);
    expect((kind?.sessions.length ?? 0) / (kind?.share ?? 1) / 100_000).toBeGreaterThan(0.95);
    expect((kind?.sessions.length ?? 0) / (kind?.share ?? 1) / 100_000).toBeLessThan(1.05);
    expect(kind?.sessions.slice(1, 1_000).every(({ lines }) => lines.length === 3)).toBe(true);
  });
});
