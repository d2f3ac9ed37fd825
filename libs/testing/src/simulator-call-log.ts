import { randomUUID } from 'node:crypto';
import { createWriteStream, type WriteStream } from 'node:fs';

export interface SimulatedCall {
  id: string;
  startedAt: string;
  endedAt?: string;
  api: 'ollama' | 'openai';
  path: string;
  model: string;
  stream: boolean;
  promptTokens: number;
  /** What was generated so far; it stands still once the call has ended. */
  completionTokens: number;
  /**
   * 'fault' when a fault ended the call. A fault that only changed the answer (drip, missing_usage, zero_usage) leaves 'completed',
   * and a client that gave up on a hang makes it 'client_closed'; `fault` names it in each case.
   */
  outcome: 'running' | 'completed' | 'client_closed' | 'fault';
  fault?: string;
  clientClosedAt?: string;
  requestHeaders: Record<string, string>;
  bodySha256: string;
}

type CallStart = Omit<
  SimulatedCall,
  'id' | 'startedAt' | 'endedAt' | 'completionTokens' | 'outcome' | 'clientClosedAt'
>;

export interface RunningCall {
  readonly id: string;
  readonly completionTokens: number;
  addTokens(tokens: number): void;
  /** The first end is the one that counts. */
  end(outcome: 'completed' | 'client_closed' | 'fault', fault?: string): void;
}

// A simulator that runs for days must not grow for days; a log file keeps everything.
const callsMax = 100_000;

export class CallLog {
  private calls: SimulatedCall[] = [];
  private readonly running = new Set<RunningCall>();
  private readonly file?: WriteStream;

  constructor(logFile?: string) {
    if (logFile) this.file = createWriteStream(logFile, { flags: 'a' });
  }

  start(start: CallStart): RunningCall {
    const call: SimulatedCall = {
      id: randomUUID(),
      startedAt: new Date().toISOString(),
      ...start,
      completionTokens: 0,
      outcome: 'running',
    };
    this.calls.push(call);
    if (this.calls.length > callsMax) this.calls.shift();
    const running = this.follow(call);
    this.running.add(running);
    return running;
  }

  /** Oldest first, with the calls that are still running. */
  list(): SimulatedCall[] {
    return this.calls.map((call) => ({ ...call }));
  }

  clear(): void {
    this.calls = [];
  }

  endRunning(reason: string): void {
    for (const call of this.running) call.end('fault', reason);
  }

  async close(): Promise<void> {
    const { file } = this;
    if (file) await new Promise<void>((resolve) => file.end(resolve));
  }

  private follow(call: SimulatedCall): RunningCall {
    const running: RunningCall = {
      id: call.id,
      get completionTokens() {
        return call.completionTokens;
      },
      addTokens: (tokens) => {
        if (call.outcome === 'running') call.completionTokens += tokens;
      },
      end: (outcome, fault) => {
        if (call.outcome !== 'running') return;
        call.outcome = outcome;
        call.endedAt = new Date().toISOString();
        if (outcome === 'client_closed') call.clientClosedAt = call.endedAt;
        if (fault) call.fault = fault;
        this.running.delete(running);
        this.file?.write(`${JSON.stringify(call)}\n`);
      },
    };
    return running;
  }
}
