import { lineThatMatters, renderLine, withoutForeignFrames } from './log-lines.js';

const time = new Date(2026, 10, 21, 9, 5, 3, 7).toISOString();

describe('log lines', () => {
  it('a JSON line of pino becomes time, level, app, message and fields', () => {
    const line = JSON.stringify({
      level: 'info',
      time,
      app: 'gateway',
      trace_id: 't',
      request_id: 'r-1',
      status: 200,
      msg: 'request',
    });
    expect(renderLine('gateway', line)).toEqual({
      level: 'info',
      text: '09:05:03.007 info  gateway          request request_id=r-1 status=200',
      summary: 'request',
    });
  });

  it('an error shows its message and where it was thrown', () => {
    const err = { message: 'no route to host', stack: 'Error: no route to host\n    at send (a.ts:1:2)' };
    const { text, summary } = renderLine('llm-router', JSON.stringify({ level: 50, time, msg: 'call failed', err }));
    expect(summary).toBe('call failed: no route to host');
    expect(text.split('\n')).toEqual([
      '09:05:03.007 error llm-router       call failed: no route to host',
      '    at send (a.ts:1:2)',
    ]);
  });

  it.each(['Listening', '{ not json', '{"a":1}', '[1]'])('%s, which is no log record, passes through', (line) => {
    expect(renderLine('gateway', line)).toEqual({ level: 'info', text: `gateway          ${line}`, summary: line });
  });

  it('without colours no escape sequence is printed, with them the name is painted', () => {
    expect(renderLine('gateway', 'x').text).not.toContain('\u001b');
    expect(renderLine('gateway', 'x', 1).text).toContain('\u001b[35mgateway');
  });

  it('of a crash the line with the error matters, not the last one', () => {
    const crash = ['file:///main.js:3', 'Error: DATABASE_URL is missing', '    at main.js:3:1', '', 'Node.js v24.21.0'];
    expect(lineThatMatters(crash.map((line) => renderLine('gateway', line)))).toBe('Error: DATABASE_URL is missing');
  });

  it('of a wrong configuration the problems matter, all of them', () => {
    const lines = ['The configuration is not valid:', '  - LOG_LEVEL: must be info', '  - PORT: is missing'];
    expect(lineThatMatters(lines.map((line) => renderLine('llm-router', line)))).toBe(
      'The configuration is not valid: LOG_LEVEL: must be info; PORT: is missing',
    );
  });

  it.each(['   ^', '^^^^', '    at main (a.ts:1:2)', 'Node.js v24.21.0', ''])('%j is never what matters', (noise) => {
    const lines = ['the reason', noise];
    expect(lineThatMatters(lines.map((line) => renderLine('gateway', line)))).toBe('the reason');
  });

  it('the frames of libraries and of Node are left out, our own stay', () => {
    const own = '    at start (/checkout/apps/gateway/src/main.ts:3:1)';
    const foreign = ['gateway   at node:net:1706:16', '    at x (/checkout/node_modules/ioredis/a.js:1:1)'];
    expect(withoutForeignFrames([['Error: no', own, ...foreign].join('\n')])).toEqual(['Error: no', own]);
  });

  it('of lines without an error the last one matters', () => {
    expect(lineThatMatters(['one', 'two', ''].map((line) => renderLine('gateway', line)))).toBe('two');
    expect(lineThatMatters([])).toBeUndefined();
  });
});
