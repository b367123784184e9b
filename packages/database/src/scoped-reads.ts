import {
  type CompiledQuery,
  type DatabaseConnection,
  type Driver,
  Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  type QueryResult,
} from "kysely";
import { escapeLiteral, type Pool, type PoolClient, type QueryResultRow } from "pg";

import { poolOf } from "./create-database.ts";
import type { Database } from "./schema.ts";

/** A setting that holds for one query alone, as `valify.tenant`. */
export interface Scope {
  readonly name: `valify.${string}`;
  readonly value: string;
}

/**
 * Reads with a setting. Each query is a read-only transaction of its own, and BEGIN, the setting, the
 * query and COMMIT travel in one go: one round trip, where awaiting each would be four. Nothing of
 * it stays on the connection, and where BEGIN fails, nothing of it is believed.
 */
export function readScoped(db: Kysely<Database>, scope: Scope): Kysely<Database> {
  const pool = poolOf(db);
  if (pool?.options.pipeline !== true) throw new Error("scoped reads need a pool that pipelines");
  const opening = `begin read only; select set_config(${escapeLiteral(scope.name)}, ${escapeLiteral(scope.value)}, true)`;
  return new Kysely<Database>({
    dialect: {
      createDriver: () => createReader(pool, opening),
      createAdapter: () => new PostgresAdapter(),
      createQueryCompiler: () => new PostgresQueryCompiler(),
      createIntrospector: (kysely) => new PostgresIntrospector(kysely),
    },
  });
}

function createReader(pool: Pool, opening: string): Driver {
  const connection: DatabaseConnection = {
    async executeQuery<Row>({ sql, parameters }: CompiledQuery): Promise<QueryResult<Row>> {
      const client = await pool.connect();
      return readOnce(client, opening, { text: sql, values: [...parameters] });
    },
    streamQuery: () => refuse("stream"),
  };
  return {
    // A connection is taken per query, and the pool is closed by whoever opened it.
    init: async () => {},
    acquireConnection: async () => connection,
    releaseConnection: async () => {},
    destroy: async () => {},
    beginTransaction: () => refuse("begin a transaction"),
    commitTransaction: () => refuse("commit"),
    rollbackTransaction: () => refuse("roll back"),
  };
}

async function readOnce<Row>(
  client: PoolClient,
  opening: string,
  query: { readonly text: string; readonly values: unknown[] },
): Promise<QueryResult<Row>> {
  const answers = Promise.allSettled([
    client.query(opening),
    client.query<Row & QueryResultRow>(query),
    client.query("commit"),
  ]);
  const [opened, found, ended] = await answers;
  // Whatever broke, the connection may be in any state. The pool makes a new one.
  client.release(opened.status === "rejected" || ended.status === "rejected");
  if (opened.status === "rejected") throw opened.reason;
  if (found.status === "rejected") throw found.reason;
  return { rows: found.value.rows };
}

function refuse(what: string): never {
  throw new Error(`a scoped read does not ${what}`);
}
