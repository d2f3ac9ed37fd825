import { readdir, readFile } from 'node:fs/promises';

/** Linux counts processor time in these, whatever the kernel's own tick is. */
const TICK_MICROS = 10_000;

/**
 * Microseconds of processor time that a process and its living descendants have used, with those that it has waited for. Only where there
 * is a /proc (https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html); NaN elsewhere and for a process that is gone.
 */
export async function processorMicros(pid: number): Promise<number> {
  const all = await Promise.all((await readdir('/proc').catch(() => [])).map(statOf));
  const stats = all.filter((stat) => stat !== undefined);
  const used = (id: number): number => {
    const own = stats.find((stat) => stat.pid === id)?.ticks ?? NaN;
    return stats.filter(({ parent }) => parent === id).reduce((sum, { pid: child }) => sum + used(child), own);
  };
  return used(pid) * TICK_MICROS;
}

async function statOf(pid: string): Promise<{ pid: number; parent: number; ticks: number } | undefined> {
  if (!/^\d+$/.test(pid)) return undefined;
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  if (text === undefined) return undefined; // It has ended meanwhile.
  // The name, in parentheses, may have anything in it. After it: state, parent, and from the 12th on utime, stime, cutime, cstime.
  const fields = text
    .slice(text.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number);
  const ticks = fields.slice(11, 15).reduce((sum, value) => sum + value, 0);
  return { pid: Number(pid), parent: fields[1] ?? NaN, ticks };
}
