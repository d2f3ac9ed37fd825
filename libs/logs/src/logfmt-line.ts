import { isDigit } from './characters.js';
import type { Header } from './header.js';
import { readFields } from './record-fields.js';

const pairsMax = 200;

/** Reads `time=… level=info msg="…"` from `start` on; false unless there is a level and a message or a time among its pairs. */
export function readLogfmtLine(line: string, start: number, header: Header, referenceMs: number): boolean {
  if (isDigit(line.charCodeAt(start))) return false;
  // Cheap, and true for hardly anything else.
  if (!/^[A-Za-z_@][\w.@-]*=/.test(line.slice(start, start + 40))) return false;
  const pairs = pairsOf(line, start);
  const isLog = ['msg', 'message', 'level', 'lvl', 'severity'].filter((key) => pairs.has(key)).length;
  const hasTime = ['time', 'ts', 't', 'timestamp'].some((key) => pairs.has(key));
  if (isLog + (hasTime ? 1 : 0) < 2) return false;
  if (!readFields((path) => pairs.get(path), header, referenceMs)) return false;
  header.messageStart = start;
  return true;
}

function pairsOf(line: string, start: number): Map<string, string> {
  const pairs = new Map<string, string>();
  let at = start;
  while (at < line.length && pairs.size < pairsMax) {
    while (line.charCodeAt(at) === 32) at += 1;
    const keyStart = at;
    while (at < line.length && line.charCodeAt(at) !== 61 && line.charCodeAt(at) !== 32) at += 1;
    const key = line.slice(keyStart, at);
    if (line.charCodeAt(at) !== 61) continue;
    at += 1;
    if (line.charCodeAt(at) === 34) {
      const valueStart = at + 1;
      for (at = valueStart; at < line.length && line.charCodeAt(at) !== 34; at += 1)
        if (line.charCodeAt(at) === 92) at += 1;
      const value = line.slice(valueStart, at);
      pairs.set(key, value.includes('\\') ? value.replace(/\\(["\\])/g, '$1') : value);
      at += 1;
    } else {
      const valueStart = at;
      while (at < line.length && line.charCodeAt(at) !== 32) at += 1;
      pairs.set(key, line.slice(valueStart, at));
    }
  }
  return pairs;
}
