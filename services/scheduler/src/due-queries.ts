import type { Database } from "@valify/database";
import { type Kysely, sql, type Transaction } from "kysely";

import { LANE_COUNT } from "./domain/lane.ts";
import type { Leaf } from "./domain/leaf.ts";

/** A wake-up to store. Uuids as Postgres writes them. */
export interface NewDueRow {
  readonly dueAt: string;
  readonly id: string;
  readonly tenantId: string;
  readonly batchId: string;
  readonly round: number;
  readonly lane: number;
  readonly kind: number;
}

/** A claimed wake-up. `dueUs`: microseconds since 1970; a Date would cut them and fire early. */
export interface DueRow extends Omit<NewDueRow, "dueAt"> {
  readonly dueUs: number;
  readonly databaseUs: number;
  /** Its batch was cancelled: drop it. */
  readonly cancelled: boolean;
}

/** A row this late is found by the sweep (see due-loop.ts); an older one would not be. */
export const LATE_INSERT_SECONDS = 30;

/**
 * Stores wake-ups; a repeat conflicts on (lane, due_at, id) and changes nothing. A due time long
 * past (an outage, a replay) is moved up to where the loop looks; what this costs, a key that a
 * late repeat does not hit, the message id and the dispatcher's round catch. Sorted by the key, so
 * that the index grows at its right edge. The leaf must exist.
 */
export async function insertDueRows(db: Kysely<Database>, rows: readonly NewDueRow[]) {
  await sql`
    insert into scheduling.due (due_at, id, tenant_id, batch_id, round, lane, kind)
    select greatest(u.due_at, statement_timestamp() - ${LATE_INSERT_SECONDS} * interval '1 second'),
      u.id, u.tenant_id, u.batch_id, u.round, u.lane, u.kind
    from unnest(
      ${rows.map((row) => row.dueAt)}::timestamptz[], ${rows.map((row) => row.id)}::uuid[],
      ${rows.map((row) => row.tenantId)}::uuid[], ${rows.map((row) => row.batchId)}::uuid[],
      ${rows.map((row) => row.round)}::int[], ${rows.map((row) => row.lane)}::smallint[],
      ${rows.map((row) => row.kind)}::smallint[]
    ) as u (due_at, id, tenant_id, batch_id, round, lane, kind)
    order by u.lane, u.due_at, u.id
    on conflict do nothing`.execute(db);
}

export interface Claim {
  readonly leaf: Leaf;
  /** Rows due before this are not looked at: it skips the dead entries of rows long gone. */
  readonly from: Date;
  readonly lookAheadMs: number;
  readonly limit: number;
  /** A claim that brings fewer rows than this left nothing behind in any lane. */
  readonly limitPerLane: number;
  /** Rotates from claim to claim, so that no lane is always last. */
  readonly firstLane: number;
}

/**
 * Takes up to `limit` rows of one leaf, a bounded share of each lane. Call it in a short
 * transaction: this DELETE is the claim, COMMIT after the publish is the mark, and a ROLLBACK or a
 * crash puts every row back. SKIP LOCKED passes over what another replica holds.
 *
 * `statement_timestamp()` can bound the primary key, `clock_timestamp()` can not. The ctid is sound
 * since rows are never updated and the same statement locks them. RETURNING reads the clock after
 * the rows are taken.
 */
export async function claimDueRows(trx: Transaction<Database>, claim: Claim) {
  const leaf = sql.table(claim.leaf.name);
  const { rows } = await sql<DueRow>`
    delete from ${leaf} as d where d.ctid = any (array(
      select x.ctid from generate_series(0, ${sql.lit(LANE_COUNT - 1)}) as s (i)
      cross join lateral (
        select t.ctid from ${leaf} as t
        where t.lane = ((s.i + ${claim.firstLane}) % ${sql.lit(LANE_COUNT)})
          and t.due_at >= ${claim.from}
          and t.due_at < statement_timestamp() + ${claim.lookAheadMs} * interval '1 millisecond'
        order by t.due_at, t.id
        limit ${claim.limitPerLane} for update skip locked) as x
      limit ${claim.limit}))
    returning d.id, d.tenant_id as "tenantId", d.batch_id as "batchId", d.round, d.lane, d.kind,
      (extract(epoch from d.due_at) * 1e6)::float8 as "dueUs",
      (extract(epoch from clock_timestamp()) * 1e6)::float8 as "databaseUs",
      exists (select 1 from scheduling.cancelled_batch c where c.batch_id = d.batch_id) as cancelled
    `.execute(trx);
  return rows;
}

/**
 * Is anything due in this leaf? And what time is it? One cheap statement without a transaction,
 * which is all that an idle loop costs. `databaseUs`: microseconds since 1970.
 */
export async function probeLeaf(
  db: Kysely<Database>,
  claim: Pick<Claim, "leaf" | "from" | "lookAheadMs">,
): Promise<{ readonly found: boolean; readonly databaseUs: number }> {
  const { rows } = await sql<{ found: boolean; databaseUs: number }>`
    select exists (
      select 1 from generate_series(0, ${sql.lit(LANE_COUNT - 1)}) as s (i)
      cross join lateral (
        select 1 from ${sql.table(claim.leaf.name)} as t
        where t.lane = s.i and t.due_at >= ${claim.from}
          and t.due_at < statement_timestamp() + ${claim.lookAheadMs} * interval '1 millisecond'
        limit 1) as x) as found,
      (extract(epoch from clock_timestamp()) * 1e6)::float8 as "databaseUs"`.execute(db);
  const [row] = rows;
  if (row === undefined) throw new Error("Postgres did not answer a probe");
  return row;
}

/** The database's clock, in microseconds since 1970. */
export async function readDatabaseClock(db: Kysely<Database>): Promise<number> {
  const { rows } = await sql<{ databaseUs: number }>`
    select (extract(epoch from clock_timestamp()) * 1e6)::float8 as "databaseUs"`.execute(db);
  const [row] = rows;
  if (row === undefined) throw new Error("Postgres did not tell the time");
  return row.databaseUs;
}

/** From now on every wake-up of the batch is dropped when it matures, however many there are. */
export async function tombstoneBatch(db: Kysely<Database>, batchId: string): Promise<void> {
  await sql`
    insert into scheduling.cancelled_batch (batch_id) values (${batchId})
    on conflict do nothing`.execute(db);
}
