/** A seeded sequence of numbers from 0 to 1 (mulberry32, public domain). */
export function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const users = 'ada ben cleo dan eve finn gus hana ian joy'.split(' ');
const places = 'cart stock order payment search'.split(' ');

const messages: ((random: () => number) => string)[] = [
  (random) => `item ${whole(random, 9_000)} to ${pick(random, places)} in ${whole(random, 90)} ms`,
  (random) => `user ${pick(random, users)} from 10.0.${whole(random, 9)}.${whole(random, 250)}`,
  (random) => `query ${whole(random, 1e8).toString(16)} took ${(random() * 90).toFixed(2)} ms`,
  (random) => `cache miss for key=${pick(random, places)}:${whole(random, 9_999)}`,
  (random) => `GET /api/items/${whole(random, 99_999)} 200 ${whole(random, 9_999)}`,
  (random) => `retry ${whole(random, 5)} of 5 after timeout of ${whole(random, 30)} s`,
];

/** A line of 72 bytes on average, without its line break: a time, a level, a component and one of a few messages. */
export function generatedLine(random: () => number, index: number): string {
  const time = new Date(1_706_695_200_000 + index * 37).toISOString();
  const level = random() < 0.05 ? 'WARN' : 'INFO';
  const message = messages[whole(random, messages.length - 1)]?.(random) ?? '';
  return `${time} ${level} shop.${pick(random, places)}: ${message}`;
}

function pick(random: () => number, choices: readonly string[]): string {
  return choices[Math.floor(random() * choices.length)] ?? '';
}

function whole(random: () => number, most: number): number {
  return Math.floor(random() * (most + 1));
}
