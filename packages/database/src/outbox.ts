import { type Kysely, sql, type Transaction } from "kysely";

import type { Database } from "./schema.ts";

export interface OutboxEntry {
  readonly outboxId: number;
  readonly subject: string;
  readonly event: object;
}

/** Writes an event into the transaction of the fact it tells: both are committed, or neither. */
export async function addToOutbox(
  trx: Transaction<Database>,
  subject: string,
  event: object,
): Promise<void> {
  await trx
    .insertInto("ingest.outbox")
    .values({ subject, event: JSON.stringify(event) })
    .execute();
}

/**
 * Takes up to `limit` entries, oldest first, hands them to `publish`, and commits their deletion
 * only after it resolved; a crash in between publishes them again. SKIP LOCKED lets several
 * replicas relay at once. Returns how many went out.
 */
export async function relayOutbox(
  db: Kysely<Database>,
  limit: number,
  publish: (entries: readonly OutboxEntry[]) => Promise<void>,
): Promise<number> {
  return db.transaction().execute(async (trx) => {
    const { rows } = await sql<OutboxEntry>`
      with next as materialized (
        select outbox_id from ingest.outbox order by outbox_id limit ${limit} for update skip locked)
      delete from ingest.outbox as o using next where o.outbox_id = next.outbox_id
      returning o.outbox_id as "outboxId", o.subject, o.event`.execute(trx);
    if (rows.length > 0) await publish(rows);
    return rows.length;
  });
}
