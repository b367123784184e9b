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
    const found = await sql<{ isAttached: boolean }>`
      select exists (select 1 from pg_inherits where inhrelid = c.oid) as "isAttached"
      from pg_class c where c.oid = to_regclass(${partition.name})`.execute(trx);
    const [existing] = found.rows;
    if (existing?.isAttached === true) return;
    const storage = partition.storage === undefined ? "" : ` with (${partition.storage})`;
    // One that was detached and still holds rows is simply taken back.
    if (existing === undefined) {
      await sql`create table ${leaf} (like ${parent} including all)${sql.raw(storage)}`.execute(
        trx,
      );
    }
    await sql`alter table ${parent} attach partition ${leaf}
      for values from (${sql.lit(partition.from.toISOString())})
      to (${sql.lit(partition.to.toISOString())})`.execute(trx);
  });
}

/** A table that is a leaf of this parent, or was one until something ended its removal midway. */
export interface PartitionTable {
  /** Schema-qualified. */
  readonly name: string;
  readonly state: "attached" | "detaching" | "detached";
}

/**
 * The leaves of a parent, recognised by name (`<parent>_<digits>`), so that what an interrupted
 * removal left behind is seen as well.
 */
export async function listPartitions(
  db: Kysely<Database>,
  parent: string,
): Promise<readonly PartitionTable[]> {
  const { rows } = await sql<PartitionTable>`
    select n.nspname || '.' || c.relname as name,
      case when i.inhrelid is null then 'detached'
        when i.inhdetachpending then 'detaching' else 'attached' end as state
    from pg_class p
    join pg_namespace n on n.oid = p.relnamespace
    join pg_class c on c.relnamespace = n.oid and c.relkind = 'r'
      and c.relname ~ ('^' || p.relname || '_[0-9]+$')
    left join pg_inherits i on i.inhrelid = c.oid and i.inhparent = p.oid
    where p.oid = ${parent}::regclass
    order by c.relname`.execute(db);
  return rows;
}

/**
 * Detaches and drops a leaf; returns false where it must be empty and is not. CONCURRENTLY, since a
 * plain DETACH locks the parent against every insert; it waits for those who use the parent now.
 * Killed or timed out midway it leaves the leaf `detaching` or `detached`: call it again.
 */
export async function retirePartition(
  db: Kysely<Database>,
  { name, state }: PartitionTable,
  { parent, mustBeEmpty }: { readonly parent: string; readonly mustBeEmpty: boolean },
): Promise<boolean> {
  const leaf = sql.table(name);
  if (mustBeEmpty && (await holdsRows(db, name))) return false;
  if (state !== "detached") {
    const how = sql.raw(state === "detaching" ? "finalize" : "concurrently");
    await sql`alter table ${sql.table(parent)} detach partition ${leaf} ${how}`.execute(db);
  }
  // Nobody can insert any more; somebody may have, just before.
  if (mustBeEmpty && (await holdsRows(db, name))) return false;
  await sql`drop table ${leaf}`.execute(db);
  return true;
}

async function holdsRows(db: Kysely<Database>, name: string): Promise<boolean> {
  const { rows } = await sql`select 1 from ${sql.table(name)} limit 1`.execute(db);
  return rows.length > 0;
}
