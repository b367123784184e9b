import { type Kysely, sql } from "kysely";

import type { Database } from "./schema.ts";

export interface Partition {
  /** Schema-qualified, as `scheduling.due`. */
  readonly parent: string;
  /** Schema-qualified name of the leaf. */
  readonly name: string;
  readonly from: Date;
  readonly to: Date;
  /** Storage parameters, as `fillfactor = 100`. */
  readonly storage?: string;
}

/** Any fixed number: two processes that make the same leaf at once wait for each other. */
const PARTITION_LOCK = 7_205_001;

/**
 * Makes a range partition unless it exists. CREATE and ATTACH instead of `create … partition of`:
 * that would take ACCESS EXCLUSIVE on the parent and stall every insert behind the longest query.
 * The connection's role must own the parent.
 */
export async function ensurePartition(db: Kysely<Database>, partition: Partition): Promise<void> {
  const parent = sql.table(partition.parent);
  const leaf = sql.table(partition.name);
  await db.transaction().execute(async (trx) => {
    await sql`select pg_advisory_xact_lock(${PARTITION_LOCK})`.execute(trx);
    const found = await sql<{ oid: string | null }>`
      select to_regclass(${partition.name}) as oid`.execute(trx);
    if (found.rows[0]?.oid != null) return;
    const storage = partition.storage === undefined ? "" : ` with (${partition.storage})`;
    await sql`create table ${leaf} (like ${parent} including all)${sql.raw(storage)}`.execute(trx);
    await sql`alter table ${parent} attach partition ${leaf}
      for values from (${sql.lit(partition.from.toISOString())})
      to (${sql.lit(partition.to.toISOString())})`.execute(trx);
  });
}
