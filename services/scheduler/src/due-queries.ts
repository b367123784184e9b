import type { Database } from "@valify/database";
import { type Kysely, sql } from "kysely";

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
  /** Its batch was cancelled: drop it. */
  readonly cancelled: boolean;
}

/** A row this late is found by the sweep (see due-loop.ts); an older one would not be. */
const LATE_INSERT_SECONDS = 30;

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

/** What a wake-up is stored under. */
export type DueKey = Pick<NewDueRow, "id" | "lane" | "dueAt">;

/** By primary key. A claim that is open has its rows already: those are waited for and then gone. */
export async function deleteDueRows(db: Kysely<Database>, keys: readonly DueKey[]): Promise<void> {
  await sql`
    delete from scheduling.due as d
    using unnest(
      ${keys.map((key) => key.lane)}::smallint[], ${keys.map((key) => key.dueAt)}::timestamptz[],
      ${keys.map((key) => key.id)}::uuid[]) as k (lane, due_at, id)
    where d.lane = k.lane and d.due_at = k.due_at and d.id = k.id`.execute(db);
}

/** The database's clock, in microseconds since 1970. */
export async function readDatabaseClock(db: Kysely<Database>): Promise<number> {
  const { rows } = await sql<{ databaseUs: number }>`
    select (extract(epoch from clock_timestamp()) * 1000000)::bigint as "databaseUs"`.execute(db);
  const [row] = rows;
  if (row === undefined) throw new Error("Postgres did not tell the time");
  return row.databaseUs;
}
