import { AsyncResource } from 'node:async_hooks';
import { Client, Pool, Query, type Connection, type PoolClient, type PoolConfig, type QueryConfig } from 'pg';
import { currentDataScope, type DataScope } from './data-scope.js';

/*
 * Every statement carries the scope that it runs in, and at no further round trip: what is sent up to one Sync is one
 * implicit transaction (Postgres' extended query protocol), so a statement that sets role and account for the length of the
 * transaction goes ahead of the real one in the same packet. Nothing has to be reset: the settings end with the
 * statement, or with the explicit transaction, where the next statement sets them again.
 */
const SET_SCOPE = {
  name: 'tollgate_scope',
  text: "SELECT set_config('role', $1, true), set_config('tollgate.account_id', $2, true)",
};

/** These touch no rows, and some of them must work in a transaction that has failed. */
const transactionControl = /^\s*(BEGIN|COMMIT|ROLLBACK|SAVEPOINT|RELEASE|SET TRANSACTION)\b/i;

/** What a statement sees when it comes without a scope, by whatever mistake: nothing of anybody. */
export const UNSCOPED_ROLE = 'tollgate_app';

type ConnectCallback = (
  error: Error | undefined,
  client: PoolClient | undefined,
  done: (release?: unknown) => void,
) => void;
type ResultCallback = (error: Error | null, result?: unknown) => void;
/** `query` has a dozen overloads; whatever they take and give passes through. */
type AnyQuery = (...args: unknown[]) => never;

/** A pool whose statements run in the scope of whoever asks. */
export class ScopedPool extends Pool {
  constructor(config: PoolConfig) {
    super({ ...config, Client: ScopedClient, options: `-c role=${UNSCOPED_ROLE}` });
  }

  override connect(): Promise<PoolClient>;
  override connect(callback: ConnectCallback): void;
  override connect(callback?: ConnectCallback): Promise<PoolClient> | void {
    if (!callback) return super.connect();
    // A pool that is used up calls back in the context of whoever gave the connection free: another request.
    super.connect(AsyncResource.bind(callback));
  }
}

class ScopedClient extends Client {
  /** As pg's own: gives a promise when no callback is among the arguments. */
  override query(...args: unknown[]): never {
    const query = super.query.bind(this) as AnyQuery;
    const [statement, values] = args;
    const config = isConfig(statement) ? statement : { text: String(statement) };
    if (transactionControl.test(config.text)) return query(...args);
    const scoped = new ScopedQuery(Array.isArray(values) ? { ...config, values } : config, currentDataScope());
    const callback = args.find(isCallback);
    if (callback) return query(scoped, lastResultTo(callback));
    return new Promise((resolve, reject) => {
      query(
        scoped,
        lastResultTo((error, result) => (error ? reject(error) : resolve(result))),
      );
    }) as never;
  }
}

function isConfig(statement: unknown): statement is QueryConfig {
  return typeof statement === 'object' && statement !== null && 'text' in statement;
}

function isCallback(argument: unknown): argument is ResultCallback {
  return typeof argument === 'function';
}

/** pg collects one result for each of the two statements. */
function lastResultTo(callback: ResultCallback): ResultCallback {
  return (error, results) => callback(error, Array.isArray(results) ? results.at(-1) : results);
}

/** Connections that know the statement of the scope by its name. */
const prepared = new WeakSet<Connection>();

class ScopedQuery extends Query {
  constructor(config: QueryConfig, scope: DataScope) {
    const extended = { ...config, queryMode: 'extended' };
    super(extended);
    const submit = this.submit.bind(this);
    this.submit = (connection) => {
      connection.stream.cork();
      try {
        sendScope(connection, scope);
        return submit(connection);
      } finally {
        connection.stream.uncork();
      }
    };
  }
}

function sendScope(connection: Connection, { role, accountId }: DataScope): void {
  const { name, text } = SET_SCOPE;
  if (!prepared.has(connection)) connection.parse({ name, text, types: [] }, true);
  prepared.add(connection);
  connection.bind({ statement: name, values: [role, accountId] }, true);
  connection.describe({ type: 'P', name: '' }, true);
  connection.execute({}, true);
}
