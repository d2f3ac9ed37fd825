import { readFile } from 'node:fs/promises';

const FUNCTIONS_SHOWN = 30;

/** The part of V8's .cpuprofile format that is read here; times are in microseconds. */
interface CpuProfile {
  nodes: { id: number; callFrame: { functionName: string; url: string; lineNumber: number } }[];
  samples: number[];
  timeDeltas: number[];
}

/** Self time by package and by function, in microseconds a request. Idle time is left out. */
export async function summarise(path: string, requests: number): Promise<string> {
  const profile = JSON.parse(await readFile(path, 'utf8')) as CpuProfile;
  const frames = new Map(profile.nodes.map(({ id, callFrame }) => [id, callFrame]));
  const byFunction = new Map<string, number>();
  const byPackage = new Map<string, number>();
  let totalMicros = 0;
  profile.samples.forEach((id, index) => {
    const frame = frames.get(id);
    const micros = profile.timeDeltas[index] ?? 0;
    if (!frame || frame.functionName === '(idle)') return;
    const owner = packageOf(frame.url);
    const place = frame.url === '' ? '' : ` ${frame.url.split('/').at(-1)}:${frame.lineNumber + 1}`;
    totalMicros += micros;
    add(byPackage, owner, micros);
    add(byFunction, `${frame.functionName || '(anonymous)'}  ${owner}${place}`, micros);
  });
  const lines = (times: Map<string, number>) =>
    [...times]
      .sort(([, a], [, b]) => b - a)
      .slice(0, FUNCTIONS_SHOWN)
      .map(([name, micros]) => {
        const share = ((100 * micros) / totalMicros).toFixed(1);
        return `${(micros / requests).toFixed(2).padStart(8)} µs ${share.padStart(5)} %  ${name}`;
      });
  return [...lines(byPackage), '', ...lines(byFunction)].join('\n');
}

function add(times: Map<string, number>, name: string, micros: number): void {
  times.set(name, (times.get(name) ?? 0) + micros);
}

function packageOf(url: string): string {
  if (url === '') return 'V8';
  if (url.startsWith('node:')) return 'node';
  const installed = url.split('/node_modules/').at(-1);
  if (installed !== url) return installed?.match(/^(@[^/]+\/)?[^/]+/)?.[0] ?? url;
  return /\/(?:libs|apps)\/([^/]+)\//.exec(url)?.[1] ?? 'bench';
}
