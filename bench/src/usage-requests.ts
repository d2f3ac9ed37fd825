import { quantile } from './statistics.js';

export interface Question {
  name: string;
  /** With the time at which the rows end, in Unix seconds. */
  path: (until: number) => string;
}

export interface Answered {
  name: string;
  p50Ms: number;
  p95Ms: number;
  maxMs: number;
}

const DAY = 86_400;
const HOUR = 3_600;
const since = (until: number, seconds: number) => `start_time=${until - seconds}&end_time=${until}`;

/** What a dashboard asks, of one account (the busiest) and of all. */
export const questions: Question[] = [
  { name: 'account: 7 days', path: (until) => `/usage?${since(until, 7 * DAY)}` },
  {
    name: 'account: 31 days by model and task',
    path: (until) => `/usage?${since(until, 31 * DAY)}&limit=31&group_by[]=model&group_by[]=task`,
  },
  {
    name: 'account: 168 hours by user',
    path: (until) => `/usage?${since(until, 7 * DAY)}&bucket_width=1h&limit=168&group_by[]=user`,
  },
  { name: 'account: 60 minutes', path: (until) => `/usage?${since(until, HOUR)}&bucket_width=1m` },
  {
    name: 'account: a day of minutes by model',
    path: (until) => `/usage?${since(until, DAY)}&bucket_width=1m&limit=1440&group_by[]=model`,
  },
  { name: 'all: 7 days by tier', path: (until) => `/admin/usage?${since(until, 7 * DAY)}&group_by[]=tier` },
  {
    name: 'all: 31 days by model',
    path: (until) => `/admin/usage?${since(until, 31 * DAY)}&limit=31&group_by[]=model`,
  },
  {
    name: 'all: 24 hours by provider',
    path: (until) => `/admin/usage?${since(until, DAY)}&bucket_width=1h&group_by[]=provider`,
  },
  {
    name: 'all: 168 hours by model',
    path: (until) => `/admin/usage?${since(until, 7 * DAY)}&bucket_width=1h&limit=168&group_by[]=model`,
  },
  { name: 'all: a day by account', path: (until) => `/admin/usage?${since(until, DAY)}&group_by[]=account` },
  {
    name: 'all: 60 minutes by model',
    path: (until) => `/admin/usage?${since(until, HOUR)}&bucket_width=1m&group_by[]=model`,
  },
];

/** Asks each question in turn, `rounds` times, one after the other. */
export async function ask(
  url: string,
  bearer: string,
  { rounds, until }: { rounds: number; until: number },
): Promise<{ answered: Answered[]; allMs: number[] }> {
  const times = new Map<string, number[]>(questions.map(({ name }) => [name, []]));
  for (let round = 0; round < rounds; round += 1) {
    for (const { name, path } of questions) {
      const startedAt = performance.now();
      const response = await fetch(`${url}/api/v1${path(until)}`, { headers: { authorization: `Bearer ${bearer}` } });
      const body = await response.text();
      if (!response.ok) throw new Error(`${name}: ${response.status} ${body}`);
      times.get(name)?.push(performance.now() - startedAt);
    }
  }
  const answered = [...times].map(([name, ms]) => ({
    name,
    p50Ms: quantile(ms, 0.5),
    p95Ms: quantile(ms, 0.95),
    maxMs: Math.max(...ms),
  }));
  return { answered, allMs: [...times.values()].flat() };
}
