import fc from 'fast-check';
import type { LogEvent } from './log-event.js';
import { LogParser, parseLog } from './log-parser.js';

const traces: Record<string, string[]> = {
  Java: [
    'java.lang.IllegalStateException: no',
    '\tat a.B.c(B.java:7)',
    'Caused by: java.io.IOException: x',
    '\t... 3 more',
  ],
  Python: ['Traceback (most recent call last):', '  File "a.py", line 1, in f', '    g()', 'ValueError: bad'],
  Node: ['TypeError: x is not a function', '    at f (/a/b.js:1:2)', '    at async g (/a/b.js:3:4)'],
  Go: ['panic: boom', '', 'goroutine 1 [running]:', 'main.main()', '\t/a/main.go:7 +0x1d'],
  '.NET': [
    'System.InvalidOperationException: no',
    '   at A.B.C() in /a/B.cs:line 7',
    '--- End of inner exception stack trace ---',
  ],
};

function parseChunks(chunks: readonly Uint8Array[]): { events: LogEvent[]; lines: number } {
  const events: LogEvent[] = [];
  const parser = new LogParser({ onEvent: (event) => events.push(event), referenceMs: 0 });
  for (const chunk of chunks) parser.write(chunk);
  return { events, lines: parser.end().lines };
}

describe('lines that belong together', () => {
  test.each(Object.entries(traces))('a stack trace of %s is part of the event before it', (_, trace) => {
    const log = [
      '2024-01-31 10:00:00 ERROR failed',
      ...trace,
      '2024-01-31 10:00:01 INFO on',
      '2024-01-31 10:00:02 INFO on',
    ];
    const events = parseLog(log.join('\n'));
    expect(events.map(({ line, lineCount }) => [line, lineCount])).toEqual([
      [1, trace.length + 1],
      [trace.length + 2, 1],
      [trace.length + 3, 1],
    ]);
    expect(events[0]?.continuation).toEqual(trace);
  });

  test('without times only what looks like a trace goes on with the line before', () => {
    const events = parseLog(['Server started', 'Error: oops', '    at f (/a/b.js:1:2)', 'Done'].join('\n'));
    expect(events.map(({ text, lineCount }) => [text, lineCount])).toEqual([
      ['Server started', 1],
      ['Error: oops', 2],
      ['Done', 1],
    ]);
  });

  test('a panic of Go without a log around it is one event', () => {
    const panic = ['panic: boom', '[signal SIGSEGV: segmentation violation]', ...(traces['Go'] ?? []).slice(1)];
    expect(parseLog([...panic, 'Done'].join('\n')).map(({ lineCount }) => lineCount)).toEqual([panic.length, 1]);
  });

  test('a stack trace goes on through what a collector put around its lines', () => {
    const wrap = (line: string) => JSON.stringify({ log: `${line}\n`, stream: 'stderr', time: '2024-01-31T10:00:00Z' });
    const lines = ['2024-01-31 10:00:00 ERROR no', '\tat a.B.c(B.java:7)', '2024-01-31 10:00:01 INFO on'];
    const events = parseLog(lines.map(wrap).join('\n'));
    expect(events.map(({ message, continuation }) => [message, continuation])).toEqual([
      ['no', ['\tat a.B.c(B.java:7)']],
      ['on', []],
    ]);
  });

  test('a log that is mostly stack traces is still one of lines with times', () => {
    const trace = [
      'java.io.IOException: x',
      ...Array.from({ length: 40 }, (_, i) => `\tat a.B.c(B.java:${i})`),
      'Caused by: y',
    ];
    const entry = (i: number) => [`2024-01-31 10:00:0${i} ERROR failed`, ...trace, 'advice without a time'];
    const events = parseLog(
      Array.from({ length: 5 }, (_, i) => entry(i))
        .flat()
        .join('\n'),
    );
    expect(events.map(({ message, lineCount }) => [message, lineCount])).toEqual(Array(5).fill(['failed', 44]));
  });

  test('a few times in a log without them do not swallow the other lines', () => {
    const lines = Array.from({ length: 20 }, (_, i) =>
      i % 4 === 0 ? `2024-01-31 10:00:00 INFO ${i}` : `line ${i} of many`,
    );
    expect(parseLog(lines.join('\n'))).toHaveLength(20);
  });

  test('the trace in a structured line is there too, and it is still one line', () => {
    const [event] = parseLog(
      JSON.stringify({ level: 'error', msg: 'failed\nbadly', err: { stack: 'Error: x\n    at y' } }),
    );
    expect(event).toMatchObject({ message: 'failed', lineCount: 1, continuation: ['badly', 'Error: x', '    at y'] });
  });

  test('a log that turns into something else does not become one event', () => {
    const log = ['2024-01-31 10:00:00 INFO on', ...Array.from({ length: 5_000 }, () => 'no time')].join('\n');
    expect(Math.max(...parseLog(log).map(({ lineCount }) => lineCount))).toBeLessThanOrEqual(1_001);
  });
});

describe('every line counts', () => {
  const piece = fc.oneof(
    fc.constantFrom(
      '\n',
      '\r\n',
      '\0',
      '\u001b[31m',
      '2024-01-31 10:00:00 INFO ',
      '{"msg":"x"}\n',
      '\tat a.b(C.java:1)\n',
      '<34>1 ',
      'é',
    ),
    fc.string(),
    fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes).toString('latin1')),
  );
  const bytes = fc.array(piece, { maxLength: 80 }).map((pieces) => Buffer.from(pieces.join(''), 'latin1'));

  test('the numbers of lines add up to the input, whatever it is', () => {
    fc.assert(
      fc.property(bytes, (input) => {
        const { events, lines } = parseChunks([input]);
        const breaks = input.filter((byte) => byte === 10).length;
        expect(lines).toBe(input.length === 0 || input.at(-1) === 10 ? breaks : breaks + 1);
        let next = 1;
        for (const event of events) {
          expect(event.line).toBe(next);
          next += event.lineCount;
        }
        expect(next - 1).toBe(lines);
      }),
    );
  });

  test('it does not matter where the input is cut', () => {
    fc.assert(
      fc.property(bytes, fc.integer({ min: 1, max: 7 }), (input, size) => {
        const chunks = Array.from({ length: Math.ceil(input.length / size) }, (_, i) =>
          input.subarray(i * size, (i + 1) * size),
        );
        expect(parseChunks(chunks)).toEqual(parseChunks([input]));
      }),
    );
  });

  test('a line of megabytes that comes in small chunks is one line', () => {
    const { events, lines } = parseChunks(Array.from({ length: 2_000 }, () => Buffer.alloc(1_000, 'x')));
    expect(lines).toBe(1);
    expect(events[0]?.text).toHaveLength(2_000_000);
  });
});

test('a part of a log is read as in the whole when it gets the format of the whole', () => {
  const lines = Array.from({ length: 100 }, (_, i) => `Shop${i % 2} 2024-01-31 10:00:00 up ${i}`);
  const whole = new LogParser({ onEvent: () => undefined });
  whole.write(lines.join('\n'));
  whole.end();
  const [event] = parseLog(lines[41] ?? '', { firstLine: 42, format: whole.format });
  expect(event).toMatchObject({ line: 42, component: 'Shop1', message: 'up 41' });
});
