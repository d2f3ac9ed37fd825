import { readDockerLine } from './docker-line.js';
import { readEnvelope } from './envelope.js';
import type { Header } from './header.js';
import { skipSpaces } from './header-characters.js';
import { readJsonLine } from './json-line.js';
import { readFormat, type LogFormat } from './line-formats.js';
import { readLogfmtLine } from './logfmt-line.js';
import { readKnownLine } from './known-lines.js';

const escape = String.fromCharCode(27);
/** Colours and the like: ESC [ parameters letter. */
const ansiCodes = new RegExp(`${escape}\\[[0-9;?]{0,16}[A-Za-z]`, 'g');

/** The line without colour codes and without a byte order mark. */
export function cleanLine(text: string): string {
  const line = text.includes(`${escape}[`) ? text.replace(ansiCodes, '') : text;
  return line.charCodeAt(0) === 0xfeff ? line.slice(1) : line;
}

/** What a collector put around a line is removed, as is everything that structured lines say by themselves. */
export function innerLine(outerLine: string, header: Header, referenceMs: number): string | undefined {
  header.clear();
  const line = cleanLine(readDockerLine(outerLine, referenceMs)?.log ?? outerLine);
  const start = readEnvelope(line, header, referenceMs);
  if (header.process !== undefined || readStructured(line, start, header, referenceMs)) return undefined;
  return line.slice(start);
}

/** Fills `header` from a clean line, and returns the text into which its `messageStart` points. */
export function readLine(line: string, format: LogFormat, header: Header, referenceMs: number): string {
  const docker = readDockerLine(line, referenceMs);
  if (!docker) return readProgramLine(line, format, header, referenceMs);
  const inner = readProgramLine(cleanLine(docker.log), format, header, referenceMs);
  header.timeMs ??= docker.timeMs;
  header.isFound ||= !isIndented(inner);
  return inner;
}

function readProgramLine(line: string, format: LogFormat, header: Header, referenceMs: number): string {
  header.clear();
  const start = readEnvelope(line, header, referenceMs);
  const isEnveloped = header.isFound;
  if (readStructured(line, start, header, referenceMs)) {
    header.isFound = true;
    return line;
  }
  if (header.process !== undefined) return line;
  const inner = start === 0 ? line : line.slice(start);
  const isRead = readFormat(format, inner, header, referenceMs);
  header.isFound = isEnveloped ? isRead || !isIndented(inner) : isRead;
  return inner;
}

function readStructured(line: string, start: number, header: Header, referenceMs: number): boolean {
  const from = skipSpaces(line, start);
  if (line.charCodeAt(from) === 123) return readJsonLine(line, from, header, referenceMs);
  return readKnownLine(line, from, header, referenceMs) || readLogfmtLine(line, from, header, referenceMs);
}

function isIndented(line: string): boolean {
  const code = line.charCodeAt(0);
  return code === 32 || code === 9 || line === '';
}
