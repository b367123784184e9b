import { type Database, readScoped } from "@valify/database";
import { type Kysely, sql, type Transaction } from "kysely";

/**
 * A transaction that sees the rows of one tenant: row-level security adds the condition that a query
 * may have forgotten. Every query on behalf of a request runs in here or in `readInTenant`. Do not
 * nest it, and wait for nothing but the database inside: it holds a connection of a small pool.
 */
export async function inTenant<Result>(
  db: Kysely<Database>,
  tenantId: string,
  work: (trx: Transaction<Database>) => Promise<Result>,
): Promise<Result> {
  return db.transaction().execute(async (trx) => {
    await sql`select set_config('valify.tenant', ${tenantId}, true)`.execute(trx);
    return work(trx);
  });
}

/**
 * Reads behind the same wall for one round trip each instead of four: for what changes nothing. Each
 * query is a transaction of its own, as each statement of `inTenant` sees a state of its own.
 */
export async function readInTenant<Result>(
  db: Kysely<Database>,
  tenantId: string,
  read: (db: Kysely<Database>) => Promise<Result>,
): Promise<Result> {
  return read(readScoped(db, { name: "valify.tenant", value: tenantId }));
}

/**
 * A transaction that sees the rows of every tenant: for background work, for signing in, and for
 * the installation's own administration. What it reads must not reach a tenant's answer unasked.
 */
export async function asSystem<Result>(
  db: Kysely<Database>,
  work: (trx: Transaction<Database>) => Promise<Result>,
): Promise<Result> {
  return db.transaction().execute(async (trx) => {
    await sql`select set_config('valify.system', 'on', true)`.execute(trx);
    return work(trx);
  });
}
