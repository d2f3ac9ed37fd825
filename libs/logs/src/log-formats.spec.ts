import { parseLog } from './log-parser.js';
import type { LogEvent } from './log-event.js';

const referenceMs = Date.UTC(2026, 10, 21);

type Expected = Partial<
  Pick<LogEvent, 'level' | 'levelText' | 'host' | 'process' | 'pid' | 'component' | 'message'>
> & { time?: string };

/** A line or two as each system writes them, and what the last of them says. */
const formats: [system: string, lines: string[], last: Expected][] = [
  [
    'log4j',
    ['2024-01-31 10:00:00,250 ERROR [main] com.shop.Cart: failed [7]'],
    { time: '2024-01-31T10:00:00.250Z', level: 'error', component: 'com.shop.Cart', message: 'failed [7]' },
  ],
  ['logback', ['10:00:00.250 [main] WARN  com.shop.Cart - slow'], { level: 'warn', component: 'com.shop.Cart', message: 'slow' }],
  [
    'Spring Boot',
    ['2024-01-31T10:00:00.123+01:00  INFO 71 --- [           main] c.s.cart.CartApplication : Started in 2.1 s'],
    { time: '2024-01-31T09:00:00.123Z', level: 'info', pid: '71', component: 'c.s.cart.CartApplication', message: 'Started in 2.1 s' },
  ],
  [
    'a quorum',
    ['2024-01-31 10:00:00,250 - WARN  [Peer[myid=1]/0:0:0:0:0:0:0:0:2181:Election@77] - Time out: 3200'],
    { level: 'warn', component: 'Peer[myid=1]/0:0:0:0:0:0:0:0:2181:Election@77', message: 'Time out: 3200' },
  ],
  [
    'a cluster computation',
    ['24/01/31 10:00:00 INFO executor.Backend: Handles signals [TERM, INT]'],
    { time: '2024-01-31T10:00:00.000Z', component: 'executor.Backend', message: 'Handles signals [TERM, INT]' },
  ],
  [
    'a cloud controller',
    ['api.log.1.2024-01-31_09:00:00 2024-01-31 10:00:00.008 4711 INFO stack.api.server [req-77aa01 c3 - -] 10.1.1.1 "GET /v2" status: 200'],
    { time: '2024-01-31T10:00:00.008Z', pid: '4711', level: 'info', component: 'stack.api.server', message: '10.1.1.1 "GET /v2" status: 200' },
  ],
  [
    'a supercomputer',
    Array.from({ length: 12 }, (_, i) => `- ${1117800000 + i} 2005.06.03 Q${i}-M1 2005-06-03-12.00.00.250 Q${i}-M1 EVT CORE INFO ${i % 2 ? 'found' : i} errors`),
    { level: 'info', component: 'CORE', message: 'found errors' },
  ],
  [
    'a cluster that adds columns to syslog',
    ['- 1131537661 2005.11.09 n17 Nov 9 12:01:01 n17/n17 cron(auth)[2915]: job ended'],
    { host: 'n17/n17', process: 'cron(auth)', pid: '2915', message: 'job ended' },
  ],
  [
    'syslog',
    ['Jan  3 10:00:00 web01 sshd[17]: Failed password', 'Jan  3 10:00:01 web01 kernel: up'],
    { time: '2026-01-03T10:00:01.000Z', host: 'web01', process: 'kernel', message: 'up' },
  ],
  ['syslog with names of two words', ['Jul  1 09:00:55 mac Some App[14463]: dark'], { process: 'Some App', pid: '14463', message: 'dark' }],
  [
    'syslog with ISO times',
    ['2024-01-31T10:00:00.123456+00:00 web01 sshd[123]: Accepted'],
    { host: 'web01', process: 'sshd', pid: '123', message: 'Accepted' },
  ],
  [
    'syslog, RFC 5424',
    ['<165>1 2024-01-31T10:00:00.003Z a.example app 8710 ID47 [x@1 k="a \\" ]b"] hello'],
    { time: '2024-01-31T10:00:00.003Z', level: 'notice', host: 'a.example', process: 'app', pid: '8710', component: 'ID47', message: 'hello' },
  ],
  ['a load balancer in syslog', ['Jan 31 10:00:00 lb haproxy[14]: 10.0.1.2:33 [31/Jan/2024:09:59:59.250] in a/b 10/0 200'], { time: '2026-01-31T10:00:00.000Z', message: '10.0.1.2:33 [31/Jan/2024:09:59:59.250] in a/b 10/0 200' }],
  ['klog', ['E0131 10:00:00.123456    1234 reflector.go:138] Failed to watch'], { time: '2026-01-31T10:00:00.123Z', level: 'error', pid: '1234', component: 'reflector.go:138', message: 'Failed to watch' }],
  ['logcat', ['01-31 10:00:00.250  1702  2395 D Windows: printing'], { level: 'debug', levelText: 'D', pid: '1702', component: 'Windows', message: 'printing' }],
  ['an error log of a web server', ['[Wed Jan 31 10:00:00 2024] [error] [client 10.0.0.1] forbidden'], { time: '2024-01-31T10:00:00.000Z', level: 'error', message: '[client 10.0.0.1] forbidden' }],
  ['another one', ['2024/01/31 10:00:00 [error] 1234#0: *57 connect() failed'], { level: 'error', message: '*57 connect() failed' }],
  ['an access log', ['10.0.0.9 - ada [31/Jan/2024:10:00:00 +0000] "GET /a HTTP/1.1" 200 12 "-" "curl"'], { time: '2024-01-31T10:00:00.000Z', host: '10.0.0.9', message: '"GET /a HTTP/1.1" 200 12 "-" "curl"' }],
  ['a relational database', ['2024-01-31 10:00:00.123 UTC [1234] ERROR:  relation "x" does not exist'], { level: 'error', pid: '1234', message: 'relation "x" does not exist' }],
  ['another database', ['2024-01-31T10:00:00.123456Z 12 [Warning] Aborted connection'], { level: 'warn', pid: '12', message: 'Aborted connection' }],
  ['a search engine', ['[2024-01-31T10:00:00,123][WARN ][o.e.n.Node               ] high disk'], { level: 'warn', component: 'o.e.n.Node', message: 'high disk' }],
  ['Python', ['2024-01-31 10:00:00,123 - shop.db - ERROR - no connection'], { level: 'error', component: 'shop.db', message: 'no connection' }],
  ['Python without a configuration', ['WARNING:root:careful'], { level: 'warn', component: 'root', message: 'careful' }],
  ['a Python server', ['[2024-01-31 10:00:00 +0000] [77] [INFO] Booting'], { level: 'info', pid: '77', message: 'Booting' }],
  ['Ruby', ['E, [2024-01-31T10:00:00.123456 #1234] ERROR -- : oops'], { level: 'error', message: 'oops' }],
  ['a kernel', ['[   12.345678] usb 1-1: new device'], { message: 'usb 1-1: new device' }],
  ['an installer with columns', Array.from({ length: 12 }, (_, i) => `2024-01-31 10:00:00, Info                  ${i % 2 ? 'PKG' : 'DRV'}    Loaded ${i}`), { level: 'info', component: 'PKG', message: 'Loaded 11' }],
  ['fields with bars', Array.from({ length: 12 }, (_, i) => `20240131-9:05:07:83|Meter${i % 3}|40001|count ${i}`), { component: 'Meter2', pid: '40001', message: 'count 11' }],
  ['a proxy on a desktop', Array.from({ length: 12 }, (_, i) => `[10.30 16:49:06] app${i}.exe - mail.example:80 close, ${i} bytes`), { component: 'app11.exe', message: 'mail.example:80 close, 11 bytes' }],
  ['pino', ['{"level":50,"time":1706695200123,"pid":12,"hostname":"h1","name":"api","msg":"boom"}'], { time: '2024-01-31T10:00:00.123Z', level: 'error', levelText: '50', pid: '12', host: 'h1', component: 'api', message: 'boom' }],
  ['ECS', ['{"@timestamp":"2024-01-31T10:00:00Z","log.level":"WARN","message":"hot","log":{"logger":"a.b"}}'], { level: 'warn', component: 'a.b', message: 'hot' }],
  ['OpenTelemetry', ['{"timeUnixNano":"1706695200123000000","severityText":"ERROR","body":{"stringValue":"bad"}}'], { time: '2024-01-31T10:00:00.123Z', level: 'error', message: 'bad' }],
  ['Docker', ['{"log":"hello\\n","stream":"stdout","time":"2024-01-31T10:00:00.1Z"}'], { time: '2024-01-31T10:00:00.100Z', message: 'hello' }],
  ['logfmt', ['time="2024-01-31T10:00:00Z" level=warning msg="disk \\"a\\" slow" component=engine'], { level: 'warn', component: 'engine', message: 'disk "a" slow' }],
  ['a container runtime around anything', ['2024-01-31T10:00:00.123456789Z stderr F {"level":"error","msg":"inner"}'], { time: '2024-01-31T10:00:00.123Z', level: 'error', message: 'inner' }],
  ['Docker Compose around anything', ['db-1   | 2024-01-31 10:00:00.123 UTC [1] LOG:  ready', 'api-1  | 2024-01-31T10:00:00Z INFO up'], { component: 'api-1', level: 'info', message: 'up' }],
  ['colours', ['\u001b[2m2024-01-31T10:00:00Z\u001b[0m \u001b[32mINFO\u001b[0m ready'], { level: 'info', message: 'ready' }],
  ['logcat without times', ['E/Radio( 1234): no signal'], { level: 'error', pid: '1234', component: 'Radio', message: 'no signal' }],
  ['Python with bars', ['2024-01-31 10:00:00.123 | WARNING  | app.cart:add:42 - full', '2024-01-31 10:00:00.223 | INFO     | app.cart:add:43 - ok'], { level: 'info', component: 'app.cart:add:43', message: 'ok' }],
  ['an application server', Array.from({ length: 12 }, (_, i) => `<2024-01-31 10:00:00> <Error> <Security> <A-0907${i}> <no ${i}>`), { level: 'error', message: '<no 11>' }],
  ['a letter in brackets', ['[2024-01-31 10:00:00.123] [worker-3] [W] low'], { level: 'warn', message: 'low' }],
  ['a relational database, with who asked', ['2024-01-31 10:00:00.123 UTC [41] LOG:  ready', '2024-01-31 10:00:00.124 UTC [42] ada@shop ERROR:  no such table'], { level: 'error', pid: '42', message: 'no such table' }],
  ['a web server with modules', ['[Wed Jan 31 10:00:00.123456 2024] [core:error] [pid 17:tid 140] [client 10.0.0.1:50000] invalid request'], { level: 'error', component: 'core', message: '[client 10.0.0.1:50000] invalid request' }],
  ['a proxy', ['2024/01/31 10:00:00 [warn] 31#17: slow'], { level: 'warn', pid: '31#17', component: undefined, message: 'slow' }],
  ['a data structure server', ['17:M 31 Jan 2024 10:00:00.123 # WARNING low memory', '17:M 31 Jan 2024 10:00:00.124 * Ready'], { time: '2024-01-31T10:00:00.124Z', pid: '17', level: 'notice', levelText: '*', message: 'Ready' }],
  ["Linux's audit", ['type=SYSCALL msg=audit(1706695200.123:456): arch=c000003e success=yes'], { time: '2024-01-31T10:00:00.123Z', component: 'SYSCALL', message: 'arch=c000003e success=yes' }],
  ['Docker around anything', ['{"log":"2024-01-31 10:00:00 ERROR payment failed\\n","stream":"stderr","time":"2024-01-31T10:00:01Z"}'], { time: '2024-01-31T10:00:00.000Z', level: 'error', message: 'payment failed' }],
  ['a time and a level in one bracket', ['[10:00:00 INF] started', '[10:00:01 ERR] failed'], { level: 'error', message: 'failed' }],
  ['a time, a level and a name in one bracket', ['[2024-01-31T10:00:00Z WARN  shop::cart] slow'], { level: 'warn', component: 'shop::cart', message: 'slow' }],
  ['columns of few lines', ['2024-01-31 10:00:00, Info                  ready'], { level: 'info', message: 'ready' }],
  ['a script', ['Starting', 'done in 3 s', 'copied', 'ERROR: no such file'], { level: 'error', message: 'no such file' }],
  ['a cluster that tells what happened', Array.from({ length: 12 }, (_, i) => `${i}m          ${i % 2 ? 'Warning' : 'Normal '}   BackOff            pod/shop-${i}        Back-off`), { level: 'warn', component: 'pod/shop-11', message: 'Back-off' }],
  ['no format at all', ['Listening on 8080'], { level: undefined, message: 'Listening on 8080' }],
]; // prettier-ignore

describe('the header of a line', () => {
  test.each(formats)('of %s is cut off', (_, lines, { time, ...expected }) => {
    const events = parseLog(lines.join('\n'), { referenceMs });
    expect(events).toHaveLength(lines.length);
    const last = events.at(-1);
    expect(last).toMatchObject({ ...expected, ...(time !== undefined && { timeMs: Date.parse(time) }) });
    expect(last?.text).toBe(lines.at(-1));
  });

  test('is found for each source in a log of several', () => {
    const log = [
      '2024-01-31 10:00:00,250 ERROR [main] com.shop.Cart: failed',
      'Jan  3 10:00:00 web01 sshd[17]: Failed password',
      '{"level":"info","msg":"ok"}',
    ];
    const messages = parseLog([...log, ...log].join('\n'), { referenceMs }).map(({ message }) => message);
    expect(messages).toEqual(['failed', 'Failed password', 'ok', 'failed', 'Failed password', 'ok']);
  });

  test('ends where the messages begin, although many of them begin alike', () => {
    const openings = ['pump: lost', 'disk: full', 'fan 5', '7 errors', '[x] done'];
    const lines = Array.from(
      { length: 60 },
      (_, i) => `2024-01-31 10:00:${10 + (i % 50)} INFO ${openings[i % 5]} ${i}`,
    );
    expect(parseLog(lines.join('\n')).map(({ message }) => message)).toEqual(
      lines.map((_, i) => `${openings[i % 5]} ${i}`),
    );
  });
});
