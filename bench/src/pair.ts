import { BenchProcess } from './bench-process.js';
import type { ContenderName } from './contender.js';
import type { RequestFigures, RequestLoad, StreamFigures, StreamLoad } from './load.js';
import type { RedisProbe } from './redis-state.js';

/** CPU in microseconds per request, or per part. */
export interface Cost {
  clientMicros: number;
  serverMicros: number;
  redisMicros: number;
}

/** The two processes of a contender. */
export class Pair {
  private constructor(
    readonly client: BenchProcess,
    readonly server: BenchProcess,
    private readonly redis: RedisProbe,
  ) {}

  static async start(
    contender: ContenderName,
    redisUrl: string,
    redis: RedisProbe,
    execArgv: string[] = [],
  ): Promise<Pair> {
    const server = await BenchProcess.start({ role: 'server', contender, redisUrl }, execArgv);
    const client = await BenchProcess.start({ role: 'client', contender, redisUrl }, execArgv);
    return new Pair(client, server, redis);
  }

  async requests(load: RequestLoad): Promise<RequestFigures & Cost> {
    return this.priced(
      () => this.client.ask('requests', load),
      ({ requests }) => requests,
    );
  }

  async streams(load: StreamLoad): Promise<StreamFigures & Cost> {
    return this.priced(
      () => this.client.ask('streams', load),
      ({ parts }) => parts,
    );
  }

  /** The client first: it takes its reply stream with it. */
  async stop(): Promise<void> {
    await this.client.stop();
    await this.server.stop();
  }

  private async priced<Figures>(
    measure: () => Promise<Figures>,
    unitsOf: (figures: Figures) => number,
  ): Promise<Figures & Cost> {
    const before = await this.cpu();
    const figures = await measure();
    const after = await this.cpu();
    const units = unitsOf(figures);
    return {
      ...figures,
      clientMicros: (after.client - before.client) / units,
      serverMicros: (after.server - before.server) / units,
      redisMicros: (after.redis - before.redis) / units,
    };
  }

  private async cpu(): Promise<{ client: number; server: number; redis: number }> {
    const [client, server] = await Promise.all([this.client.ask('usage', null), this.server.ask('usage', null)]);
    return { client: client.cpuMicros, server: server.cpuMicros, redis: await this.redis.cpuMicros() };
  }
}
