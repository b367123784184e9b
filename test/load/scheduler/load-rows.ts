import type { Pool } from "pg";

import { laneOf } from "./scheduler-code.ts";

export interface RowsToLoad {
  readonly count: number;
  /** Of the first row, in milliseconds since 1970. */
  readonly startMs: number;
  /** Rows per second of due time; Infinity: all at one instant. */
  readonly perSecond: number;
  readonly tenantIds: readonly string[];
}

/** Two lanes groups' worth of tenants and more: enough to use every lane. */
export const TENANTS: readonly string[] = Array.from(
  { length: 16 },
  (_, index) => `${index.toString(16).padStart(8, "0")}-6a7e-4a51-9a3e-0d7a1b2c3d4e`,
);

const ROWS_PER_STATEMENT = 250_000;
const CONNECTIONS = 2;

/** Fills `scheduling.due` from inside the server, in order of time, as fast as it goes. */
export async function loadRows(db: Pool, rows: RowsToLoad): Promise<void> {
  const starts = Array.from(
    { length: Math.ceil(rows.count / ROWS_PER_STATEMENT) },
    (_, index) => index * ROWS_PER_STATEMENT,
  );
  const work = async () => {
    for (let start = starts.shift(); start !== undefined; start = starts.shift()) {
      await loadSome(db, rows, start, Math.min(rows.count, start + ROWS_PER_STATEMENT));
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, work));
}

async function loadSome(db: Pool, rows: RowsToLoad, from: number, to: number): Promise<void> {
  const { tenantIds, startMs, perSecond } = rows;
  const firstLanes = tenantIds.map((id) => laneOf(id, "00"));
  await db.query(
    `insert into scheduling.due (due_at, id, tenant_id, batch_id, round, lane, kind)
     select $1::timestamptz + r.i * $2::float8 * interval '1 second', r.id,
       ($3::uuid[])[1 + r.i % $5::int], '018f3b1e-0000-7000-8000-000000000001', 0,
       ($4::int[])[1 + r.i % $5::int] + get_byte(uuid_send(r.id), 15) % 4, 0
     from (select i, gen_random_uuid() as id from generate_series($6::int, $7::int) as s (i)) as r`,
    [
      new Date(startMs),
      Number.isFinite(perSecond) ? 1 / perSecond : 0,
      tenantIds,
      firstLanes,
      tenantIds.length,
      from,
      to - 1,
    ],
  );
}
