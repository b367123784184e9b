import type { Stack } from "../support/stack.ts";

/** Enough for every row to be moved and claimed ahead. */
const LEAD_TIME_MS = 5_000;

/** As if validated a day ago. Row n is due `n * spacingMs` after the returned instant. */
export async function moveDueRows({ db }: Stack, spacingMs: number): Promise<number> {
  const { rows } = await db.query<{ dueMs: string }>(
    `with start as materialized (select clock_timestamp() + $1 * interval '1 millisecond' as at),
       moved as (
         update scheduling.due d
         set due_at = start.at + l.row_number * $2::float8 * interval '1 millisecond'
         from start, validation.leads l where l.lead_uuid = d.id)
     select extract(epoch from at) * 1000 as "dueMs" from start`,
    [LEAD_TIME_MS, spacingMs],
  );
  return Number(rows[0]?.dueMs);
}
