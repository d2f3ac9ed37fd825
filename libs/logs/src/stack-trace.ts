import { hashText } from './text-hash.js';

/** An exception with where it was thrown, innermost frame first. */
export interface ThrownException {
  type: string;
  message: string;
  /** Functions and files without line numbers, addresses and generated numbers. */
  frames: string[];
}

export interface StackTrace {
  /** As thrown last; what caused it follows. The last one is the root cause. */
  chain: ThrownException[];
  /** The same for the same types thrown at the same place, whatever the message and line numbers. */
  fingerprint: string;
}

const linesMax = 400;
const lineLengthMax = 500;
/** Frames that tell two traces apart. */
const fingerprintFrames = 5;

const typeName = String.raw`(?:[A-Za-z_$][\w$]*(?:\.|::))*[A-Z][\w$]*`;
const failure = '(?:Exception|Error|Failure|Fault|Interrupt|Panic|Timeout|Exit|Refused|NotFound|Denied)';
const thrown = new RegExp(String.raw`(?:^|[\s("])(${typeName}?${failure})(?:\s*\[\w+\])?(?::\s*(.*))?$`);
const cause = new RegExp(String.raw`^\s*(?:Caused by:|\[cause\]:|--->|Suppressed:)\s*(${typeName})(?::\s*(.*))?`);
const pythonThrown = /^([A-Za-z_][\w.]*)(?::\s(.*))?$/;
const goPanic = /^panic: (?:runtime error: )?(.*)$/;
const rustPanic = /^thread '[^']*' panicked at (?:'(.*)', )?([^\s:,]+)/;
const rubyThrown = /^(\S+\.rb):\d+:in [`'](.+?)': (.*) \(([A-Z][\w:]*)\)$/;
const pythonChained = /^(?:The above exception was the direct cause|During handling of the above exception)/;

const frameForms: { form: RegExp; read: (match: RegExpExecArray, lineBefore: string) => string }[] = [
  {
    form: /^\s*at (?:async )?(?:new )?([^\s(]+) \((?:file:\/\/)?([^()]+?)(?::\d+){1,2}\)$/,
    read: ([, name, file]) => `${name} ${baseOf(file)}`,
  },
  { form: /^\s*at (?:async )?(?:file:\/\/)?(\/[^\s()]+?)(?::\d+){1,2}$/, read: ([, file]) => baseOf(file) },
  {
    form: /^\s*at ([^\s(]+)\s*\(.*\)(?: in (.+):line \d+)?/,
    read: ([, name, file]) => (file ? `${name} ${baseOf(file)}` : (name ?? '')),
  },
  {
    form: /^\s*File "([^"]+)", line \d+(?:, in (\S+))?/,
    read: ([, file, name]) => `${name ?? '<module>'} ${baseOf(file)}`,
  },
  { form: /^\s+(\S+\.go):\d+/, read: ([, file], before) => `${before.replace(/\(.*$/, '').trim()} ${baseOf(file)}` },
  { form: /^\s*(?:from )?(\S+\.rb):\d+:in [`'](.+?)'/, read: ([, file, name]) => `${name} ${baseOf(file)}` },
  { form: /^\s*\d+:\s+(?:0x[0-9a-f]+ - )?([A-Za-z_<][\w:<>$ ]*)$/, read: ([, name]) => name ?? '' },
];

/** Frames of the language's own runtime, which say nothing about whose fault it is. */
const runtimeFrame =
  /^(?:java\.|javax\.|jdk\.|sun\.|kotlin\.|scala\.|node:|internal\/|processTicksAndRejections|process\.|Module\.|System\.|Microsoft\.|runtime[./]|panic |std::|core::|rust_|__rust|_start|main \S+\.rs$)/;

/** Reads the trace in an event: Java, Python, Node, Go, .NET, Ruby or Rust. Undefined without a frame. */
export function parseStackTrace(message: string, continuation: readonly string[]): StackTrace | undefined {
  const lines = [message, ...continuation.slice(0, linesMax)].map((line) => line.slice(0, lineLengthMax).trimEnd());
  const isPython = lines.some((line) => /^\s*Traceback \(most recent call last\)/.test(line));
  const chain = isPython ? pythonChain(lines) : forwardChain(lines);
  if (!chain.some(({ frames }) => frames.length > 0)) return undefined;
  return { chain, fingerprint: fingerprintOf(chain) };
}

/** Java, Node, .NET, Go, Ruby, Rust: a heading, then its frames, the innermost first. */
function forwardChain(lines: readonly string[]): ThrownException[] {
  const chain: ThrownException[] = [];
  let current: ThrownException | undefined;
  lines.forEach((line, index) => {
    const frame = frameOf(line, lines[index - 1] ?? '');
    const heading = headingOf(line, lines[index + 1] ?? '');
    // Ruby names the exception and the innermost frame on one line.
    if (heading && (frame === undefined || rubyThrown.test(line))) {
      if (current === undefined || cause.test(line)) current = begin(heading);
      else if (current.frames.length === 0 && current.type === 'unknown') Object.assign(current, heading);
    }
    if (frame === undefined) return;
    current ??= begin({ type: 'unknown', message: '', frames: [] });
    current.frames.push(frame);
  });
  return chain;

  function begin(exception: ThrownException): ThrownException {
    chain.push(exception);
    return exception;
  }
}

function headingOf(line: string, next: string): ThrownException | undefined {
  const caused = cause.exec(line);
  if (caused) return { type: caused[1] ?? '', message: caused[2] ?? '', frames: [] };
  const panic = goPanic.exec(line);
  if (panic) return { type: 'panic', message: panic[1] ?? '', frames: [] };
  const rust = rustPanic.exec(line);
  if (rust) return { type: 'panic', message: rust[1] ?? next, frames: [] };
  const ruby = rubyThrown.exec(line);
  if (ruby) return { type: ruby[4] ?? '', message: ruby[3] ?? '', frames: [] };
  const found = thrown.exec(line) ?? new RegExp(String.raw`^(${typeName}${failure}):\s*(.*)`).exec(line);
  return found ? { type: found[1] ?? '', message: found[2] ?? '', frames: [] } : undefined;
}

/** Frames first, the innermost last, then the exception; what is printed last was thrown last. */
function pythonChain(lines: readonly string[]): ThrownException[] {
  const chain: ThrownException[] = [];
  let frames: string[] = [];
  for (const line of lines) {
    const frame = frameOf(line, '');
    if (frame !== undefined) frames.unshift(frame);
    else if (frames.length > 0 && !/^\s/.test(line) && !pythonChained.test(line)) {
      const [, type, message] = pythonThrown.exec(line) ?? [];
      if (type === undefined) continue;
      chain.unshift({ type, message: message ?? '', frames });
      frames = [];
    }
  }
  if (frames.length > 0) chain.unshift({ type: 'unknown', message: '', frames });
  return chain;
}

function frameOf(line: string, lineBefore: string): string | undefined {
  for (const { form, read } of frameForms) {
    const match = form.exec(line);
    if (match) return normalised(read(match, lineBefore));
  }
  return undefined;
}

function normalised(frame: string): string {
  return frame
    .replace(/\$\$Lambda[$/\w]*/g, '$lambda')
    .replace(/::h[0-9a-f]{16}\b/g, '')
    .replace(/0x[0-9a-f]+/gi, '')
    .replace(/\$\d+/g, '$')
    .replace(/\d{3,}/g, '#')
    .trim();
}

function baseOf(file: string | undefined): string {
  return file?.split(/[\\/]/).at(-1) ?? '';
}

function fingerprintOf(chain: readonly ThrownException[]): string {
  const root = chain.at(-1);
  const frames = root?.frames ?? [];
  const own = frames.filter((frame) => !runtimeFrame.test(frame));
  const top = (own.length > 0 ? own : frames).slice(0, fingerprintFrames);
  const parts = [...chain.map(({ type }) => type), ...top].join('\n');
  return `${hashText(parts).toString(16).padStart(8, '0')}${hashText(`${parts}\n`).toString(16).padStart(8, '0')}`;
}
