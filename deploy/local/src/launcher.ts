import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { migrate } from '@tollgate/database';
import { freePort } from '@tollgate/testing';
import { openLlm, openPostgres, openRedis, type Started } from './backends.js';
import { banner } from './banner.js';
import {
  appEnvironment,
  apps,
  demoLogin,
  gatewayHost,
  gatewayPort,
  hostToReach,
  LOOPBACK,
  type AppName,
  type Backends,
} from './environment.js';
import { loadOrCreateJwtKey } from './jwt-key.js';
import { AppProcess } from './processes.js';
import { claimCheckout } from './single-launcher.js';

export interface LauncherOptions {
  /** The checkout. */
  root: string;
  environment: NodeJS.ProcessEnv;
  /** The compiled entry of an app. */
  mainOf: (app: AppName) => string;
  /** Takes whole lines. */
  write: (text: string) => void;
  hasColours: boolean;
  /** A database ends, or an app again and again: nothing more can be done. */
  onGiveUp: (reason: string) => void;
}

/** Brings everything up in order, and takes down in the reverse order what it started. */
export class Launcher {
  private readonly stateDir: string;
  private readonly stops: (() => Promise<void>)[] = [];
  private readonly processes: AppProcess[] = [];
  private isStopping = false;
  private isSilent = false;

  constructor(private readonly options: LauncherOptions) {
    this.stateDir = join(options.root, '.tollgate');
  }

  /**
   * Resolves when every app can serve.
   * @throws Error for a person to read; what was started still runs, until stop()
   */
  async start(): Promise<void> {
    const { environment, root } = this.options;
    const write = (text: string) => this.write(text);
    const port = gatewayPort(environment);
    const host = gatewayHost(environment);
    await refuseTakenPort(port, host);
    await claimCheckout(join(this.stateDir, 'launcher.pid'));

    const [postgres, redis, llm] = await Promise.all([
      this.open('Postgres', openPostgres(environment, this.stateDir)),
      this.open('Redis', openRedis(environment, this.stateDir, write)),
      this.open('LLM', openLlm(environment, root, write)),
    ]);
    if (llm.simulator) this.processes.push(llm.simulator);
    await this.migrateDatabase(postgres.url);

    const backends = {
      databaseUrl: postgres.url,
      redisUrl: redis.url,
      llm: { baseUrl: llm.url, isSimulated: llm.simulator !== undefined },
    };
    await this.startApps(port, backends);
    for (const child of this.processes) child.supervise(this.options.onGiveUp);
    write(banner({ host, port, login: demoLogin(environment), llm: backends.llm }));
  }

  /**
   * The apps first, one after the other, so that each can still ask those that it depends on.
   * @param options.isSilent shows nothing more of what the apps say: the reason of the stop has been said
   */
  async stop({ isSilent = false } = {}): Promise<void> {
    this.isStopping = true;
    this.isSilent = isSilent;
    for (let stop = this.stops.pop(); stop; stop = this.stops.pop()) await stop();
  }

  /** At once. The databases notice by themselves that this process ends. */
  kill(): void {
    for (const child of this.processes) child.kill();
  }

  private async open<T extends Started>(name: string, opening: Promise<T>): Promise<T> {
    const startedAt = performance.now();
    const started = await opening;
    if (started.stop) this.stops.push(started.stop);
    // Restarting a database under running apps would hide that it lost what it had not written.
    void started.ended?.then((how) => {
      if (!this.isStopping) this.options.onGiveUp(`${name} ended (${how}). Nothing works without it: stopping.`);
    });
    this.proceed(name, startedAt, started.where);
    return started;
  }

  private async migrateDatabase(databaseUrl: string): Promise<void> {
    const startedAt = performance.now();
    const { applied } = await migrate(databaseUrl);
    this.proceed('Migrations', startedAt, applied.length === 0 ? 'up to date' : `${applied.length} applied`);
  }

  private async startApps(port: number, backends: Backends): Promise<void> {
    const startedAt = performance.now();
    const { environment, root, mainOf, hasColours } = this.options;
    const jwtPrivateKey =
      environment['JWT_PRIVATE_KEY'] || (await loadOrCreateJwtKey(join(this.stateDir, 'jwt-private-key.pem')));
    const started: AppProcess[] = [];
    for (const [index, name] of apps.entries()) {
      const appPort = name === 'gateway' ? port : await freePort();
      const host = name === 'gateway' ? hostToReach(gatewayHost(environment)) : LOOPBACK;
      const app = new AppProcess({
        name,
        main: mainOf(name),
        env: appEnvironment(name, { environment, port: appPort, backends, jwtPrivateKey }),
        cwd: root,
        readyUrl: `http://${host}:${appPort}/ready`,
        write: (text) => this.write(text),
        colour: hasColours ? index : undefined,
      });
      app.start();
      started.push(app);
      this.processes.push(app);
      this.stops.push(() => app.stop());
    }
    await Promise.all(started.map((app) => app.waitUntilReady()));
    this.proceed('Apps', startedAt, apps.join(', '));
  }

  private write(text: string): void {
    if (!this.isSilent) this.options.write(text);
  }

  /** One line per finished step. Ctrl-C may have come in the middle of it. */
  private proceed(step: string, startedAt: number, outcome: string): void {
    if (this.isStopping) throw new Error('Stopped while starting.');
    const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1);
    this.write(`${step.padEnd(11)} ${outcome} (${seconds} s)`);
  }
}

/** Both ways, because some systems let a server bind an address of a port that another holds for all addresses. */
async function refuseTakenPort(port: number, host: string): Promise<void> {
  const socket = connect({ port, host: LOOPBACK });
  const isAnswered = await once(socket, 'connect').then(
    () => true,
    () => false,
  );
  socket.destroy();
  const server = createServer();
  const listening = await once(server.listen({ port, host }), 'listening').then(
    () => undefined,
    (error: NodeJS.ErrnoException) => error,
  );
  server.close();
  if (isAnswered || listening?.code === 'EADDRINUSE') {
    const other = port === 65_535 ? port - 1 : port + 1;
    throw new Error(`Port ${port} is in use. Stop what uses it, or choose another: PORT=${other} npm start`);
  }
  if (listening) throw new Error(`The gateway cannot listen on ${host}, port ${port}: ${listening.message}`);
}
