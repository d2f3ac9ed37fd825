import { parseStackTrace } from './stack-trace.js';

function parse(text: string) {
  const [message = '', ...continuation] = text.split('\n');
  return parseStackTrace(message, continuation);
}

const traces = {
  java: `request failed
java.lang.RuntimeException: cannot serve
	at shop.Web.handle(Web.java:41)
	at java.base/java.lang.Thread.run(Thread.java:829)
Caused by: java.sql.SQLException: no connection
	at shop.Db.open(Db.java:17)
	at shop.Db.query(Db.java:99)
	... 12 more`,
  python: `Traceback (most recent call last):
  File "/srv/shop/db.py", line 17, in open
    connect()
ConnectionError: refused

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "/srv/shop/web.py", line 41, in handle
    db.open()
shop.errors.ServeError: cannot serve`,
  node: `TypeError: Cannot read properties of undefined (reading 'id')
    at charge (/srv/shop/pay.js:12:9)
    at async Server.handle (/srv/shop/web.js:41:3)
    at process.processTicksAndRejections (node:internal/process/task_queues:95:5)`,
  go: `panic: runtime error: index out of range [5] with length 3

goroutine 1 [running]:
main.charge(0xc000012345, 0x3)
	/srv/shop/pay.go:12 +0x1d
main.main()
	/srv/shop/main.go:41 +0x45`,
  dotnet: `System.InvalidOperationException: cannot serve
 ---> System.Net.Sockets.SocketException: refused
   at Shop.Db.Open(String host) in C:\\shop\\Db.cs:line 17
   --- End of inner exception stack trace ---
   at Shop.Web.Handle() in C:\\shop\\Web.cs:line 41`,
  ruby: `pay.rb:12:in 'charge': cannot serve (ShopError)
	from web.rb:41:in 'handle'`,
  rust: `thread 'main' panicked at src/pay.rs:12:5:
index out of bounds
stack backtrace:
   0: rust_begin_unwind
             at /rustc/abc/library/std/src/panicking.rs:645:5
   1: core::panicking::panic_fmt
   2: shop::pay::charge::h0123456789abcdef
   3: shop::main`,
};

describe('parseStackTrace', () => {
  it.each([
    ['java', 'java.sql.SQLException', 'shop.Db.open'],
    ['python', 'ConnectionError', 'open db.py'],
    ['node', 'TypeError', 'charge pay.js'],
    ['go', 'panic', 'main.charge pay.go'],
    ['dotnet', 'System.Net.Sockets.SocketException', 'Shop.Db.Open Db.cs'],
    ['ruby', 'ShopError', 'charge pay.rb'],
    ['rust', 'panic', 'rust_begin_unwind'],
  ] as const)('finds the root cause and its place in a trace of %s', (language, type, frame) => {
    const root = parse(traces[language])?.chain.at(-1);
    expect(root?.type).toBe(type);
    expect(root?.frames[0]).toBe(frame);
  });

  it.each(Object.entries(traces))('gives a trace of %s the same fingerprint whatever its line numbers', (_, text) => {
    const moved = text
      .replace(/\b(12|17|41)\b/g, '77')
      .replace(/0x[0-9a-f]+/g, '0xdead')
      .replace(/h[0-9a-f]{16}/, 'hfedcba9876543210');
    expect(parse(moved)?.fingerprint).toBe(parse(text)?.fingerprint);
  });

  it('tells traces of other places and other types apart', () => {
    const fingerprints = Object.values(traces).map((text) => parse(text)?.fingerprint);
    expect(new Set(fingerprints).size).toBe(fingerprints.length);
    expect(parse(traces.java.replace('Db.open', 'Db.close'))?.fingerprint).not.toBe(parse(traces.java)?.fingerprint);
    expect(parse(traces.node.replace('TypeError', 'RangeError'))?.fingerprint).not.toBe(
      parse(traces.node)?.fingerprint,
    );
  });

  it('finds none in other lines that belong together', () => {
    expect(parse('configuration:\n  port: 80\n  host: at home (mostly)\n  File name')).toBeUndefined();
    expect(parse('Error: something\nwithout any frame')).toBeUndefined();
  });
});
