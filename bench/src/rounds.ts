import type { ContenderName } from './contender.js';
import type { RequestFigures, StreamFigures } from './load.js';
import type { Cost, Pair } from './pair.js';
import { medians, quantile } from './statistics.js';

export type RequestRow = RequestFigures & Cost;
export type StreamRow = StreamFigures & Cost;

/** What was measured of each contender, round by round. */
export class Rows<Row extends Cost> {
  constructor(private readonly rounds: ReadonlyMap<ContenderName, Row[]>) {}

  get names(): ContenderName[] {
    return [...this.rounds.keys()];
  }

  median(name: ContenderName): Row {
    return medians(this.of(name));
  }

  /** The median of the ratios of the rounds: what slows the machine down for a while slows both down. */
  ratio(name: ContenderName, reference: ContenderName, figureOf: (row: Row) => number): number {
    const references = this.of(reference);
    const ratios = this.of(name).flatMap((row, round) => {
      const other = references[round];
      return other ? [figureOf(row) / figureOf(other)] : [];
    });
    return quantile(ratios, 0.5);
  }

  private of(name: ContenderName): Row[] {
    const rounds = this.rounds.get(name);
    if (!rounds) throw new Error(`${name} was not measured`);
    return rounds;
  }
}

export interface Plan {
  rounds: number;
  /** Of one contender at one concurrency in one round. */
  requestsMs: number;
  warmUpMs: number;
  pacedParts: number;
  fastStreamsEach: number;
}

export const CONCURRENCIES = [1, 64, 256] as const;
const STREAMS = 64;
const WARM_STREAMS_EACH = 8;
export const FAST = { concurrency: STREAMS, parts: 200, everyMs: 0 };
/** A model's pace. */
export const PACED = { concurrency: STREAMS, streamsEach: 1, everyMs: 10 };

export type Pairs = Map<ContenderName, Pair>;

/** Code that has not been compiled yet is not what is measured. */
export async function warmUp(pairs: Pairs, streaming: readonly ContenderName[], { warmUpMs }: Plan): Promise<void> {
  for (const [name, pair] of pairs) {
    await pair.requests({ concurrency: 64, durationMs: warmUpMs });
    await pair.requests({ concurrency: 1, durationMs: warmUpMs / 4 });
    if (streaming.includes(name)) await pair.streams({ ...FAST, streamsEach: WARM_STREAMS_EACH });
  }
}

/** One table of each concurrency. */
export async function measureRequests(pairs: Pairs, plan: Plan): Promise<Map<number, Rows<RequestRow>>> {
  const tables = new Map<number, Rows<RequestRow>>();
  for (const concurrency of CONCURRENCIES) {
    const measure = (pair: Pair) => pair.requests({ concurrency, durationMs: plan.requestsMs });
    tables.set(concurrency, await inRounds(pairs, plan.rounds, measure));
  }
  return tables;
}

export async function measureStreams(
  pairs: Pairs,
  plan: Plan,
): Promise<{ fast: Rows<StreamRow>; paced: Rows<StreamRow> }> {
  const fast = { ...FAST, streamsEach: plan.fastStreamsEach };
  const paced = { ...PACED, parts: plan.pacedParts };
  return {
    fast: await inRounds(pairs, plan.rounds, (pair) => pair.streams(fast)),
    paced: await inRounds(pairs, plan.rounds, (pair) => pair.streams(paced)),
  };
}

/** Side by side: every contender in every round, in reversed order every other round, so that drift hits all alike. */
async function inRounds<Row extends Cost>(
  pairs: Pairs,
  rounds: number,
  measure: (pair: Pair) => Promise<Row>,
): Promise<Rows<Row>> {
  const results = new Map<ContenderName, Row[]>();
  for (let round = 0; round < rounds; round += 1) {
    const order = round % 2 === 0 ? [...pairs] : [...pairs].reverse();
    for (const [name, pair] of order) results.set(name, [...(results.get(name) ?? []), await measure(pair)]);
  }
  return new Rows(new Map([...pairs.keys()].map((name) => [name, results.get(name) ?? []])));
}
