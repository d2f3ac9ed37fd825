const codes = { tab: 9, space: 32 };

/** Beginnings of unindented lines that go on with an error, in the traces of Java, .NET, Python, Go, Ruby, Rust and Node. */
const openings = [
  'Caused by: ',
  'Suppressed: ',
  'Traceback (most recent call last):',
  'During handling of the above exception',
  'The above exception was the direct cause',
  'goroutine ',
  '[signal ',
  'stack backtrace:',
  'note: run with `RUST_BACKTRACE',
  '--- End of ',
  'at ',
  '... ',
  '}',
  ']',
  ')',
];

/**
 * Whether a line without a header goes on with the event before. In a log whose lines have times, whatever has none does;
 * elsewhere only what is indented or looks like part of a stack trace. `before` is the event's last continuation line.
 */
export function isContinuation(line: string, before: string | undefined, isTimed: boolean): boolean {
  if (isTimed) return true;
  const first = line.charCodeAt(0);
  if (first === codes.space || first === codes.tab || line === '') return true;
  if (openings.some((opening) => line.startsWith(opening))) return true;
  // Between the frames of a trace: functions, and the exception itself after Python's frames.
  const isInTrace = before !== undefined && /^\s|^Traceback|^goroutine /.test(before);
  return (
    isInTrace && /^[\w.$]+(?:Error|Exception|Warning|Exit|Interrupt)\b|^[\w./*()]+\(.*\)$/.test(line.slice(0, 300))
  );
}
