import { Kysely, PostgresDialect, sql } from "kysely";
import { Pool, TypeOverrides, types } from "pg";

import { prepareStatements } from "./prepare-statements.ts";
import type { Database } from "./schema.ts";

/** The driver's own, for a caller that holds a connection across statements. */
export type { Pool as ConnectionPool, PoolClient as Connection } from "pg";

/** One role per service; migrations grant each the writes of its own schema and listed reads. */
export type ServiceRole =
  | "valify_ingest"
  | "valify_validator"
  | "valify_scheduler"
  | "valify_dispatcher";

export interface DatabaseOptions {
  readonly url: string;
  /** Taken at connect, so that the GRANTs bind whoever logs in. Null: the login's own rights. */
  readonly role: ServiceRole | null;
  readonly applicationName: string;
  readonly connectionsMax?: number;
  /** A connection older than this is replaced at its next return to the pool. Default: never. */
  readonly lifetimeMaxSeconds?: number;
  /** Further session settings, such as `plan_cache_mode`. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Parse and plan a statement once per connection: for few texts that run very often. */
  readonly preparesStatements?: boolean;
  /** Statements are sent without waiting for the one before: what `readScoped` needs. */
  readonly pipelines?: boolean;
  /** A connection that sits idle in the pool broke (Postgres went away). The pool replaces it. */
  readonly onIdleError?: (error: Error) => void;
}

/** A statement of ours takes milliseconds; one that takes this long holds locks for nothing. */
const STATEMENT_TIMEOUT_MS = 30_000;
/** A process that freezes inside a transaction gives its locks back after this. */
const IDLE_IN_TRANSACTION_TIMEOUT_MS = 10_000;
const CONNECT_TIMEOUT_MS = 5_000;
/** Longer than the pauses of what runs all the time: opening a connection costs more than its use. */
const IDLE_TIMEOUT_MS = 60_000;

/**
 * Opens a bounded pool (10 connections unless told). Nothing connects before the first query.
 * `bigint` comes as a number (ours stay below 2^53), `date` as `yyyy-mm-dd`, `timestamptz` as Date.
 */
export function createPool(options: DatabaseOptions): Pool {
  const settings: Record<string, string> = {
    statement_timeout: String(STATEMENT_TIMEOUT_MS),
    idle_in_transaction_session_timeout: String(IDLE_IN_TRANSACTION_TIMEOUT_MS),
    ...options.settings,
    ...(options.role === null ? {} : { role: options.role }),
  };
  const { connectionString, given } = takeOptions(options.url);
  const pool = new Pool({
    connectionString,
    application_name: options.applicationName,
    max: options.connectionsMax ?? 10,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    idleTimeoutMillis: IDLE_TIMEOUT_MS,
    maxLifetimeSeconds: options.lifetimeMaxSeconds ?? 0,
    keepAlive: true,
    pipeline: options.pipelines ?? false,
    // The last one counts, so nothing in the address overrides ours.
    options: [
      ...given,
      ...Object.entries(settings).map(
        ([name, value]) => `-c ${name}=${value.replaceAll(" ", "\\ ")}`,
      ),
    ].join(" "),
    types: ourTypes(),
  });
  // Without a listener, the first restart of Postgres would end the process.
  pool.on("error", (error) => options.onIdleError?.(error));
  // The pool listens to idle connections only. One that breaks inside a transaction, between two
  // statements, would end the process as well; so the next statement rejects instead.
  pool.on("connect", (client) => client.on("error", () => {}));
  return pool;
}

/** A typed query builder over {@link createPool}. Dispose it to close the pool. */
export function createDatabase(options: DatabaseOptions): Kysely<Database> {
  const pool = createPool(options);
  if (options.preparesStatements === true) prepareStatements(pool);
  const db = new Kysely<Database>({ dialect: new PostgresDialect({ pool }) });
  pools.set(db, pool);
  return db;
}

const pools = new WeakMap<Kysely<Database>, Pool>();

/** For what Kysely has no word for; undefined: not opened here. */
export function poolOf(db: Kysely<Database>): Pool | undefined {
  return pools.get(db);
}

/** How many callers wait for a connection right now. */
export function waitingFor(database: Kysely<Database> | Pool): number {
  const pool = database instanceof Pool ? database : pools.get(database);
  return pool?.waitingCount ?? 0;
}

/** Rejects while Postgres does not answer. */
export async function checkDatabase(db: Kysely<Database>): Promise<void> {
  await sql`select 1`.execute(db);
}

/** `pg` prefers the address to its options: `?options=` would take role and time limits away. */
function takeOptions(address: string) {
  const url = URL.parse(address);
  const given = url?.searchParams.getAll("options") ?? [];
  if (url === null || given.length === 0) return { connectionString: address, given };
  url.searchParams.delete("options");
  return { connectionString: url.href, given };
}

/** Per pool, not `types.setTypeParser`, which would change every user of `pg` in the process. */
function ourTypes(): TypeOverrides {
  const overrides = new TypeOverrides();
  overrides.setTypeParser(types.builtins.INT8, Number);
  // As a Date, a birthday would move with the time zone of the process.
  overrides.setTypeParser(types.builtins.DATE, String);
  return overrides;
}
