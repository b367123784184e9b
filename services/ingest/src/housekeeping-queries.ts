import type { Database } from "@valify/database";
import { type Kysely, sql } from "kysely";

/**
 * Uploads of this age whose validation has ended, oldest first, along the partial index
 * batches_with_upload. A batch that is not validated yet still needs its file, however old it is.
 */
export async function findExpiredUploads(
  db: Kysely<Database>,
  before: Date,
  limit: number,
): Promise<readonly { readonly batchUuid: string; readonly objectKey: string }[]> {
  const { rows } = await sql<{ batchUuid: string; objectKey: string }>`
    select b.batch_id as "batchUuid", b.object_key as "objectKey"
    from ingest.batches b join validation.runs r using (batch_id)
    where b.upload_deleted_at is null and b.created_at < ${before} and r.ended_at < ${before}
    order by b.created_at limit ${limit}`.execute(db);
  return rows;
}

/**
 * Uploads of ended batches that hold a person who was erased, also one who was refused as such when the
 * file came. Few, along leads_erased.
 */
export async function findUploadsOfErased(
  db: Kysely<Database>,
  limit: number,
): Promise<readonly { readonly batchUuid: string; readonly objectKey: string }[]> {
  const { rows } = await sql<{ batchUuid: string; objectKey: string }>`
    select b.batch_id as "batchUuid", b.object_key as "objectKey"
    from (select distinct batch_id from validation.leads where erased_at is not null) as l
    join ingest.batches as b using (batch_id) join validation.runs as r using (batch_id)
    where b.upload_deleted_at is null and r.ended_at is not null
    limit ${limit}`.execute(db);
  return rows;
}

export async function markUploadsDeleted(
  db: Kysely<Database>,
  batchUuids: readonly string[],
  now: Date,
): Promise<void> {
  await sql`
    update ingest.batches set upload_deleted_at = ${now}
    where batch_id = any (${batchUuids}::uuid[])`.execute(db);
}

/** Which of these batches there are, by primary key. */
export async function findBatches(
  db: Kysely<Database>,
  batchUuids: readonly string[],
): Promise<ReadonlySet<string>> {
  const { rows } = await sql<{ batchUuid: string }>`
    select batch_id as "batchUuid" from ingest.batches
    where batch_id = any (${batchUuids}::uuid[])`.execute(db);
  return new Set(rows.map(({ batchUuid }) => batchUuid));
}

/** Long after they ended, and with them what they wrote down for the dispatcher. A scan of few rows. */
export async function deleteEndedReplays(db: Kysely<Database>, before: Date): Promise<number> {
  const result = await db
    .deleteFrom("ingest.replays")
    .where("ended_at", "<", before)
    .executeTakeFirst();
  return Number(result.numDeletedRows);
}
