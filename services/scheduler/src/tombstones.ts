import type { Database } from "@valify/database";
import { type Kysely, sql } from "kysely";

import type { Leaves } from "./leaves.ts";

/** A message of the batch can still be in a stream for this long, and be stored after the cancel. */
const STREAM_DAYS = 8;

/**
 * From now on every wake-up of the batch is dropped when it matures, however many there are: one row
 * written, none touched. It is kept until none of the batch's rows can exist any more: beyond the
 * last leaf there is, and beyond what may still wait in a stream.
 */
export async function tombstoneBatch(
  { db, leaves }: { readonly db: Kysely<Database>; readonly leaves: Leaves },
  batchId: string,
): Promise<void> {
  await leaves.refresh();
  const rowsUntil = leaves.newest()?.to ?? new Date(0);
  await sql`
    insert into scheduling.cancelled_batch (batch_id, keep_until)
    values (${batchId}, greatest(${rowsUntil}, now() + ${STREAM_DAYS} * interval '1 day'))
    on conflict do nothing`.execute(db);
}

/** Drops tombstones whose batch can have no row any more. Returns how many. */
export async function dropOldTombstones(db: Kysely<Database>): Promise<number> {
  const { numAffectedRows } = await sql`
    delete from scheduling.cancelled_batch where keep_until < now()`.execute(db);
  return Number(numAffectedRows ?? 0n);
}
