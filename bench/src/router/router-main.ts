// `pnpm bench:router [--quick | --profile [--connections 64]]`; see the README.
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { summarise } from '../profile-summary.js';
import { quantile, rounded } from '../statistics.js';
import { table } from '../report.js';
import { contenderNames, startField, type ContenderName, type Field } from './contenders.js';
import { firstTokenMs, loadAnswers, type LoadFigures } from './http-load.js';

interface Plan {
  rounds: number;
  /** Of one contender with one number of connections in one round. */
  loadMs: number;
  warmUpMs: number;
  streams: number;
}

const quick: Plan = { rounds: 3, loadMs: 700, warmUpMs: 2_500, streams: 60 };
// V8 goes on compiling for that long, and a service runs for weeks.
const full: Plan = { rounds: 7, loadMs: 2_000, warmUpMs: 20_000, streams: 200 };
const PROFILED_MS = 8_000;
const PROFILE_WRITTEN_WITHIN_MS = 2_000;
const CONNECTIONS = [1, 16, 64] as const;

// Portkey 1.15.2 answers 500 to streams on Node 24 (it appends to the headers of a fetch response).
const streaming: ContenderName[] = ['provider', 'tollgate'];

type Rounds<Figures> = Record<ContenderName, Figures[]>;

const { values: flags } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    /** Tollgate alone, with a CPU profile of both processes. */
    profile: { type: 'boolean', default: false },
    connections: { type: 'string', default: '64' },
  },
});

const profileDir = flags.profile ? await mkdtemp(join(tmpdir(), 'tollgate-profile-')) : undefined;
const field = await startField({ profileDir });
try {
  if (profileDir) await profile(field, profileDir);
  else await compare(field, flags.quick ? quick : full);
} finally {
  await field.stop();
}

async function compare({ contenders }: Field, plan: Plan): Promise<void> {
  console.log(`${plan.rounds} rounds in alternating order, medians; (× Portkey, the median of the rounds' ratios)`);
  for (const name of contenderNames) await loadAnswers(contenders[name], 64, plan.warmUpMs);
  const loads = new Map<number, Rounds<LoadFigures>>();
  for (const connections of CONNECTIONS) {
    const rounds = await inRounds(plan, contenderNames, (name) =>
      loadAnswers(contenders[name], connections, plan.loadMs),
    );
    loads.set(connections, rounds);
    console.log(loadTable(connections, contenders, rounds));
  }
  const firstTokens = await inRounds(plan, streaming, (name) => firstTokenMs(contenders[name], plan.streams));
  console.log(firstTokenTable(contenders, firstTokens));

  const [one, sixtyFour] = [loads.get(1), loads.get(64)];
  if (!one || !sixtyFour) throw new Error('a load was not measured');
  const added = difference(one, ({ p50Ms }) => p50Ms);
  console.log(
    JSON.stringify({
      rpsRatioToPortkey: rounded(ratio(sixtyFour, 'tollgate', ({ perSecond }) => perSecond)),
      p99RatioToPortkey: rounded(ratio(sixtyFour, 'tollgate', ({ p99Ms }) => p99Ms)),
      addedP50Ms: rounded(added('tollgate')),
      addedP50MsOfPortkey: rounded(added('portkey')),
      firstTokenAddedMs: rounded(difference(firstTokens, (waitMs) => waitMs)('tollgate')),
    }),
  );
}

/** In reversed order every other round, so that what slows the machine down hits all alike. */
async function inRounds<Figures>(
  { rounds }: Plan,
  names: readonly ContenderName[],
  measure: (name: ContenderName) => Promise<Figures>,
): Promise<Rounds<Figures>> {
  const results: Rounds<Figures> = { provider: [], portkey: [], tollgate: [] };
  for (let round = 0; round < rounds; round += 1) {
    const order = round % 2 === 0 ? names : names.toReversed();
    for (const name of order) results[name].push(await measure(name));
  }
  return results;
}

function ratio<Figures>(rounds: Rounds<Figures>, name: ContenderName, figureOf: (figures: Figures) => number): number {
  const ratios = rounds[name].flatMap((figures, round) => {
    const reference = rounds.portkey[round];
    return reference === undefined ? [] : [figureOf(figures) / figureOf(reference)];
  });
  return quantile(ratios, 0.5);
}

/** To the provider alone, round by round. */
function difference<Figures>(rounds: Rounds<Figures>, figureOf: (figures: Figures) => number) {
  return (name: ContenderName): number => {
    const differences = rounds[name].flatMap((figures, round) => {
      const alone = rounds.provider[round];
      return alone === undefined ? [] : [figureOf(figures) - figureOf(alone)];
    });
    return quantile(differences, 0.5);
  };
}

function loadTable(connections: number, contenders: Field['contenders'], rounds: Rounds<LoadFigures>): string {
  const cell = (name: ContenderName, figureOf: (figures: LoadFigures) => number) =>
    `${rounded(quantile(rounds[name].map(figureOf), 0.5))} (${ratio(rounds, name, figureOf).toFixed(2)} ×)`;
  const body = contenderNames.map((name) => [
    contenders[name].label,
    cell(name, ({ perSecond }) => perSecond),
    cell(name, ({ p50Ms }) => p50Ms),
    cell(name, ({ p99Ms }) => p99Ms),
    String(rounded(difference(rounds, ({ p50Ms }) => p50Ms)(name))),
    String(rounded(difference(rounds, ({ p99Ms }) => p99Ms)(name))),
  ]);
  const head = ['', 'requests/s', 'p50 ms', 'p99 ms', 'added p50 ms', 'added p99 ms'];
  return table(`Answers, ${connections} connections`, head, body);
}

function firstTokenTable(contenders: Field['contenders'], rounds: Rounds<number>): string {
  const added = difference(rounds, (waitMs) => waitMs);
  const body = streaming.map((name) => [
    contenders[name].label,
    String(rounded(quantile(rounds[name], 0.5))),
    String(rounded(added(name))),
  ]);
  return table('Streams, one at a time', ['', 'first token ms', 'added ms'], body);
}

/** What the gateway and the llm-router spend their time on, warm, with the connections of `--connections`. */
async function profile({ contenders, processorMicros, toggleProfile }: Field, directory: string): Promise<void> {
  const connections = Number(flags.connections);
  await loadAnswers(contenders.tollgate, 64, full.warmUpMs);
  const before = await processorMicros();
  const { perSecond } = await loadAnswers(contenders.tollgate, connections, PROFILED_MS);
  const after = await processorMicros();
  console.log(
    `${Math.round(perSecond)} requests/s over ${connections} connections, not profiled; processor time of a request:`,
  );
  for (const [name, micros] of Object.entries(after)) {
    const each = (micros - (before[name] ?? NaN)) / ((perSecond * PROFILED_MS) / 1_000);
    console.log(`${each.toFixed(0).padStart(6)} µs  ${name}`);
  }
  toggleProfile();
  const figures = await loadAnswers(contenders.tollgate, connections, PROFILED_MS);
  toggleProfile();
  const requests = (figures.perSecond * PROFILED_MS) / 1_000;
  await sleep(PROFILE_WRITTEN_WITHIN_MS);
  for (const name of ['gateway', 'llm-router']) {
    const path = join(directory, `${name}.cpuprofile`);
    console.log(`\n${name}: ${path}\n${await summarise(path, requests)}`);
  }
  console.log(`${Math.round(figures.perSecond)} requests/s while profiled`);
}
