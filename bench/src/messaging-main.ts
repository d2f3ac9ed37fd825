// `pnpm bench:messaging [--quick | --soak | --profile]`; see the README.
import { parseArgs } from 'node:util';
import { startRedis } from '@tollgate/testing';
import { contenderNames, isContenderName, type ContenderName } from './contender.js';
import { Pair } from './pair.js';
import { profile } from './profile.js';
import { RedisProbe } from './redis-state.js';
import { costOf, fastStreamTable, pacedStreamTable, requestTable, stateTable } from './report.js';
import {
  measureRequests,
  measureStreams,
  warmUp,
  type Pairs,
  type Plan,
  type RequestRow,
  type StreamRow,
} from './rounds.js';
import { soak } from './soak.js';
import { rounded } from './statistics.js';

// V8 takes seconds to compile what runs in a process of its own; a service runs for weeks.
const quick: Plan = { rounds: 5, requestsMs: 120, warmUpMs: 2_000, pacedParts: 30, fastStreamsEach: 2 };
const full: Plan = { rounds: 7, requestsMs: 600, warmUpMs: 8_000, pacedParts: 100, fastStreamsEach: 5 };
const FENCES_GONE_WITHIN_MS = 30_000;

/** The others show what each guarantee costs, and take longer than a quick run has. */
const quickContenders = 'fenced';
const streaming: ContenderName[] = ['publish', 'nest', 'tollgate'];

const { values: flags } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    soak: { type: 'boolean', default: false },
    profile: { type: 'boolean', default: false },
    /** Comma-separated names; for work on one contender. The reference always runs. */
    only: { type: 'string' },
  },
});

const server = await startRedis();
const redis = new RedisProbe(server.url);
try {
  if (flags.profile) await profile(server.url, redis);
  else if (flags.soak) await soak(server.url, redis);
  else await compare(flags.quick ? quick : full);
} finally {
  redis.close();
  await server.stop();
}

async function compare(plan: Plan): Promise<void> {
  const only = flags.only ?? (plan === quick ? quickContenders : contenderNames.join(','));
  const wanted = [...new Set(['nest', 'publish', ...only.split(','), 'tollgate'])].filter(isContenderName);
  const pairs: Pairs = new Map();
  for (const name of wanted) pairs.set(name, await Pair.start(name, server.url, redis));
  console.log(
    `${plan.rounds} rounds in alternating order, medians; (× the reference, which has 1.00; median of the rounds' ratios)`,
  );
  await warmUp(pairs, streaming, plan);
  const before = await redis.state();

  const requests = await measureRequests(pairs, plan);
  for (const [concurrency, rows] of requests) console.log(requestTable(concurrency, rows));
  const streamingPairs: Pairs = new Map([...pairs].filter(([name]) => streaming.includes(name)));
  const streams = await measureStreams(streamingPairs, plan);
  console.log(fastStreamTable(streams.fast));
  console.log(pacedStreamTable(streams.paced));

  const states = { before, after: await redis.state() };
  if (plan === full) {
    await redis.untilFencesAreGone(FENCES_GONE_WITHIN_MS);
    Object.assign(states, { 'fences expired': await redis.state() });
  }
  console.log(stateTable(states));
  for (const pair of pairs.values()) await pair.stop();
  console.log(JSON.stringify({ ...requestRatios(requests), ...streamRatios(streams) }));
}

function requestRatios(tables: Awaited<ReturnType<typeof measureRequests>>): Record<string, number> {
  const ratio = (concurrency: number, figureOf: (row: RequestRow) => number) =>
    rounded(tables.get(concurrency)?.ratio('tollgate', 'nest', figureOf) ?? NaN);
  return {
    p50RatioToNest: ratio(1, ({ p50Ms }) => p50Ms),
    p50RatioToNest64: ratio(64, ({ p50Ms }) => p50Ms),
    p50RatioToNest256: ratio(256, ({ p50Ms }) => p50Ms),
    rpsRatioToNest64: ratio(64, ({ perSecond }) => perSecond),
    rpsRatioToNest256: ratio(256, ({ perSecond }) => perSecond),
    cpuRatioToNest64: ratio(64, costOf),
  };
}

function streamRatios({ fast, paced }: Awaited<ReturnType<typeof measureStreams>>): Record<string, unknown> {
  const both = (figureOf: (row: StreamRow) => number) => ({
    publish: rounded(figureOf(paced.median('publish'))),
    tollgate: rounded(figureOf(paced.median('tollgate'))),
  });
  return {
    streamPartsRatio: rounded(fast.ratio('tollgate', 'publish', ({ perSecond }) => perSecond)),
    streamPartsRatioToNest: rounded(fast.ratio('tollgate', 'nest', ({ perSecond }) => perSecond)),
    firstPartRatio: rounded(fast.ratio('tollgate', 'publish', ({ firstP50Ms }) => firstP50Ms)),
    pacedDelayP50Ms: both(({ delayP50Ms }) => delayP50Ms),
    pacedDelayP99Ms: both(({ delayP99Ms }) => delayP99Ms),
    pacedCpuRatio: rounded(paced.ratio('tollgate', 'publish', costOf)),
  };
}
