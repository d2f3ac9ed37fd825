import { lookup as lookupByHosts, type LookupAddress } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import { Agent, request } from 'undici';
import { classOfAddress } from './address-class.js';
import { OutboundFailure } from './outbound-failure.js';

export interface OutboundOptions {
  /** Only these may be called: `hooks.example.com`, or with a port `hooks.example.com:8443`. Default: any. */
  allowedHosts?: readonly string[];
  /** Whether private and loopback addresses may be called, too. Link-local and cloud metadata never may. Default: no. */
  allowPrivate?: boolean;
  /** From the look-up of the name to the last byte of the answer. */
  timeoutMs: number;
  /** What is read of an answer; the rest is cut off. */
  maxResponseBytes: number;
  /** How names become addresses; for tests. */
  lookup?: LookupFunction;
}

export interface OutboundPost {
  headers?: Record<string, string>;
  body: string;
  signal?: AbortSignal;
}

export interface OutboundResponse {
  /** A redirect is not followed: its status is the answer. */
  status: number;
  /** By lower-case name; of several with one name the first. */
  headers: Readonly<Record<string, string>>;
  body: string;
  isCutOff: boolean;
  durationMs: number;
}

/** Below 1024 only HTTP's own, so that nobody makes us speak to a mail server. */
const LOW_PORTS = new Set([80, 443]);
const CONNECTIONS_PER_HOST = 16;

/**
 * HTTP to addresses that tenants have chosen, which must not become a way into our own network.
 *
 * A name is resolved when a connection is made, every address that it has must be allowed, and the connection goes to one of
 * those that were checked: a name that resolves differently a moment later (DNS rebinding) gains nothing. No proxy and no cookies.
 */
export class OutboundClient {
  private readonly agent: Agent;
  private readonly allowedHosts: ReadonlySet<string> | undefined;

  constructor(private readonly options: OutboundOptions) {
    this.allowedHosts = options.allowedHosts && new Set(options.allowedHosts.map((host) => host.toLowerCase()));
    this.agent = new Agent({
      connections: CONNECTIONS_PER_HOST,
      connect: {
        timeout: options.timeoutMs,
        lookup: checkedLookup(options.lookup ?? lookupByHosts, (address) => this.isAllowed(address)),
      },
      headersTimeout: options.timeoutMs,
      bodyTimeout: options.timeoutMs,
    });
  }

  /**
   * What can be said of a URL without resolving its name; for whoever registers one. Raises {@link OutboundFailure}
   * `url_refused` or, for a literal address, `address_refused`.
   */
  check(url: string): URL {
    const parsed = URL.parse(url);
    if (!parsed || !['http:', 'https:'].includes(parsed.protocol))
      throw refusedUrl('The URL must be http:// or https://.');
    if (parsed.username || parsed.password) throw refusedUrl('The URL must not have a user name or password.');
    const port = Number(parsed.port || (parsed.protocol === 'https:' ? 443 : 80));
    if (port < 1_024 && !LOW_PORTS.has(port)) throw refusedUrl('The port must be 80, 443 or 1024 and above.');
    const host = parsed.hostname.replace(/\.$/, '').toLowerCase();
    if (this.allowedHosts && !this.allowedHosts.has(host) && !this.allowedHosts.has(`${host}:${port}`)) {
      throw refusedUrl('This host may not be called.');
    }
    // A literal address is never looked up, so it is checked here. The parser has made 0x7f.1 and 2130706433 of 127.0.0.1 the same.
    const literal = host.replace(/^\[|\]$/g, '');
    if (isIP(literal) && !this.isAllowed(literal)) throw refusedAddress();
    return parsed;
  }

  /** Posts and reads the answer, whatever its status. Raises {@link OutboundFailure}, or the reason of `signal`. */
  async post(url: string, { headers = {}, body, signal }: OutboundPost): Promise<OutboundResponse> {
    const target = this.check(url);
    const startedAt = performance.now();
    const timeout = AbortSignal.timeout(this.options.timeoutMs);
    try {
      const response = await request(target, {
        method: 'POST',
        headers: { 'accept-encoding': 'identity', ...headers },
        body,
        dispatcher: this.agent,
        signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
      });
      const answer = await readBounded(response.body, this.options.maxResponseBytes);
      return {
        status: response.statusCode,
        headers: firstOfEach(response.headers),
        ...answer,
        durationMs: Math.round(performance.now() - startedAt),
      };
    } catch (error) {
      if (signal?.aborted) throw signal.reason;
      throw failureOf(error, timeout.aborted);
    }
  }

  /** Waits for the calls that are under way. */
  async close(): Promise<void> {
    await this.agent.close();
  }

  private isAllowed(address: string): boolean {
    const found = classOfAddress(address);
    return found === 'public' || (found === 'private' && this.options.allowPrivate === true);
  }
}

/** A look-up that fails unless all addresses are allowed; undici connects to no other than those that it returns. */
function checkedLookup(lookup: LookupFunction, isAllowed: (address: string) => boolean): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, found) => {
      if (error) return callback(error, [], 0);
      const addresses: LookupAddress[] = typeof found === 'string' ? [{ address: found, family: isIP(found) }] : found;
      const [first] = addresses;
      if (!first || !addresses.every(({ address }) => isAllowed(address))) return callback(refusedAddress(), [], 0);
      return options.all ? callback(null, addresses) : callback(null, first.address, first.family);
    });
  };
}

async function readBounded(
  stream: AsyncIterable<Buffer>,
  bytesMax: number,
): Promise<{ body: string; isCutOff: boolean }> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of stream) {
    chunks.push(chunk.subarray(0, bytesMax - bytes));
    bytes += chunk.length;
    if (bytes > bytesMax) break; // Leaving the loop closes the connection.
  }
  return { body: Buffer.concat(chunks).toString(), isCutOff: bytes > bytesMax };
}

function firstOfEach(headers: Record<string, string | string[] | undefined>): Record<string, string> {
  const entries = Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value[0] : value]);
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
}

function failureOf(error: unknown, isTimedOut: boolean): OutboundFailure {
  if (error instanceof OutboundFailure) return error;
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (isTimedOut || /^UND_ERR_.*TIMEOUT$/.test(code)) {
    return new OutboundFailure('timeout', 'The endpoint did not answer in time.', error);
  }
  return new OutboundFailure('unreachable', 'The endpoint cannot be reached, or broke the connection.', error);
}

function refusedUrl(message: string): OutboundFailure {
  return new OutboundFailure('url_refused', message);
}

function refusedAddress(): OutboundFailure {
  return new OutboundFailure('address_refused', 'The address of this host may not be called.');
}
