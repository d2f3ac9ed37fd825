import { Pair } from './pair.js';
import type { RedisProbe } from './redis-state.js';
import { stateTable } from './report.js';

const REQUESTS = 1_000_000;
const STREAMS_EACH = 1_563; // × 64 readers: 100,000 streams
const WARM_UP_REQUESTS = 20_000;
const PARTS = 10;
const FENCES_GONE_WITHIN_MS = 60_000;

/** A million requests and 100,000 streams later, is everything where it was? In Redis and on the heaps of both processes. */
export async function soak(redisUrl: string, redis: RedisProbe): Promise<void> {
  const pair = await Pair.start('tollgate', redisUrl, redis, ['--expose-gc']);
  const settle = async () => {
    const tookMs = await redis.untilFencesAreGone(FENCES_GONE_WITHIN_MS);
    const [state, client, server] = [
      await redis.state(),
      await pair.client.ask('usage', null),
      await pair.server.ask('usage', null),
    ];
    return { state, tookMs, clientHeapBytes: client.heapBytes, serverHeapBytes: server.heapBytes };
  };
  await pair.requests({ concurrency: 64, requests: WARM_UP_REQUESTS });
  const before = await settle();
  const requests = await pair.requests({ concurrency: 256, requests: REQUESTS });
  const streams = await pair.streams({ concurrency: 64, streamsEach: STREAMS_EACH, parts: PARTS, everyMs: 0 });
  const atTheEnd = await redis.state();
  const after = await settle();
  await pair.stop();
  const stopped = await redis.state();

  console.log(`${requests.requests} requests at ${requests.perSecond.toFixed(0)} a second`);
  console.log(`${streams.parts / PARTS} streams of ${PARTS} parts, ${streams.perSecond.toFixed(0)} parts a second`);
  console.log(stateTable({ before: before.state, 'at the end': atTheEnd, 'fences expired': after.state, stopped }));
  const { tookMs, ...heaps } = after;
  console.log(
    JSON.stringify({
      fencesGoneAfterMs: Math.round(tookMs),
      keysGrowth: after.state.keys - before.state.keys,
      pendingGrowth: after.state.pendingEntries - before.state.pendingEntries,
      redisGrowthBytes: after.state.usedMemoryBytes - before.state.usedMemoryBytes,
      clientHeapGrowthBytes: heaps.clientHeapBytes - before.clientHeapBytes,
      serverHeapGrowthBytes: heaps.serverHeapBytes - before.serverHeapBytes,
    }),
  );
}
