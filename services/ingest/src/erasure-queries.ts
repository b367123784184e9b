import type { ErasureRequested } from "@valify/contracts";
import type { Database } from "@valify/database";
import { type Kysely, type Selectable, sql, type Transaction } from "kysely";

import type { BatchCursor } from "./domain/cursor.ts";

export type StoredErasure = Selectable<Database["ingest.erasures"]>;
/** What is asked, once and for all. */
export type ErasureOrder = Omit<ErasureRequested, "attempt">;

export interface LeadToErase {
  readonly leadUuid: string;
  readonly batchUuid: string;
  /** Null: it was erased before. */
  readonly leadId: string | null;
  readonly webhookScheduledFor: Date;
}

/** By primary key; the tenant's own alone. */
export async function findLeadsToErase(
  db: Kysely<Database>,
  tenantId: string,
  leadUuids: readonly string[],
): Promise<readonly LeadToErase[]> {
  const { rows } = await sql<LeadToErase>`
    select lead_uuid as "leadUuid", batch_id as "batchUuid",
      case when erased_at is null then lead_id end as "leadId",
      webhook_scheduled_for as "webhookScheduledFor"
    from validation.leads
    where lead_uuid = any (${[...leadUuids]}::uuid[]) and tenant_id = ${tenantId}
    order by lead_uuid`.execute(db);
  return rows;
}

/** Undefined: somebody asked for the very same before. */
export async function insertErasure(
  trx: Transaction<Database>,
  order: ErasureOrder,
): Promise<StoredErasure | undefined> {
  return trx
    .insertInto("ingest.erasures")
    .values({
      erasure_id: order.erasure_id,
      tenant_id: order.tenant_id,
      leads: JSON.stringify(order.leads),
      tombstones: order.tombstones,
      requested_at: order.requested_at,
    })
    .onConflict((conflict) => conflict.column("erasure_id").doNothing())
    .returningAll()
    .executeTakeFirst();
}

/** By primary key. */
export async function findErasure(
  db: Kysely<Database>,
  tenantId: string,
  erasureId: string,
): Promise<StoredErasure | undefined> {
  return db
    .selectFrom("ingest.erasures")
    .selectAll()
    .where("erasure_id", "=", erasureId)
    .where("tenant_id", "=", tenantId)
    .executeTakeFirst();
}

/** Which of these there are, by primary key. */
export async function findKnown(
  db: Kysely<Database>,
  erasureIds: readonly string[],
): Promise<readonly string[]> {
  const { rows } = await sql<{ id: string }>`
    select erasure_id as id from ingest.erasures
    where erasure_id = any (${[...erasureIds]}::uuid[])`.execute(db);
  return rows.map(({ id }) => id);
}

/** Newest first, along erasures_newest. `place` as in the list of batches. */
export async function listErasures(
  db: Kysely<Database>,
  { tenantId, after, limit }: ErasureListing,
): Promise<readonly (StoredErasure & { readonly place: string })[]> {
  return db
    .selectFrom("ingest.erasures")
    .selectAll()
    .select(
      sql<string>`to_char(requested_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`.as(
        "place",
      ),
    )
    .where("tenant_id", "=", tenantId)
    .$if(after !== undefined, (select) =>
      select.where(
        sql<boolean>`(requested_at, erasure_id) <
          (${after?.createdAt ?? null}::timestamptz, ${after?.batchUuid ?? null}::uuid)`,
      ),
    )
    .orderBy("requested_at", "desc")
    .orderBy("erasure_id", "desc")
    .limit(limit)
    .execute();
}

export interface ErasureListing {
  readonly tenantId: string;
  readonly after: BatchCursor | undefined;
  readonly limit: number;
}

/** Everything is to be done once more, as after a restore. */
export async function beginAgain(
  trx: Transaction<Database>,
  erasureId: string,
): Promise<StoredErasure | undefined> {
  const none = { validator_at: null, scheduler_at: null, dispatcher_at: null };
  return trx
    .updateTable("ingest.erasures")
    .set({ ...none, uploads_at: null, completed_at: null })
    .set({ attempt: sql`attempt + 1`, told_at: sql`now()` })
    .where("erasure_id", "=", erasureId)
    .returningAll()
    .executeTakeFirst();
}

/** Open, and not told for a while: what was told may be lost. Each becomes an attempt of its own. */
export async function tellAgain(
  trx: Transaction<Database>,
  { before, limit }: { readonly before: Date; readonly limit: number },
): Promise<readonly StoredErasure[]> {
  return trx
    .updateTable("ingest.erasures")
    .set({ attempt: sql`attempt + 1`, told_at: sql`now()` })
    .where("erasure_id", "in", (select) =>
      select
        .selectFrom("ingest.erasures")
        .select("erasure_id")
        .where("completed_at", "is", null)
        .where("told_at", "<", before)
        .orderBy("requested_at")
        .limit(limit),
    )
    .returningAll()
    .execute();
}

const PARTS = {
  validator: "validator_at",
  scheduler: "scheduler_at",
  "webhook-dispatcher": "dispatcher_at",
} as const;

/**
 * A service is done. Undefined: of an attempt that is none any more. The row is locked until the end of
 * the transaction, so of the last two services exactly one sees that all are done; both may.
 */
export async function markCleared(
  trx: Transaction<Database>,
  cleared: {
    readonly erasureId: string;
    readonly attempt: number;
    readonly service: keyof typeof PARTS;
    readonly at: Date;
  },
): Promise<StoredErasure | undefined> {
  const part = sql.ref(PARTS[cleared.service]);
  const { rows } = await sql<StoredErasure>`
    update ingest.erasures set ${part} = coalesce(${part}, ${cleared.at})
    where erasure_id = ${cleared.erasureId} and attempt = ${cleared.attempt}
    returning *`.execute(trx);
  return rows[0];
}

/** False: it was completed before. */
export async function markCompleted(
  trx: Transaction<Database>,
  erasureId: string,
  at: Date,
): Promise<boolean> {
  const { numUpdatedRows } = await trx
    .updateTable("ingest.erasures")
    .set({ uploads_at: at, completed_at: at })
    .where("erasure_id", "=", erasureId)
    .where("completed_at", "is", null)
    .executeTakeFirst();
  return numUpdatedRows > 0n;
}

/** Of the uploads of these batches that are still kept. */
export async function findUploadKeys(
  db: Kysely<Database>,
  tenantId: string,
  batchUuids: readonly string[],
): Promise<readonly string[]> {
  const { rows } = await sql<{ objectKey: string }>`
    select object_key as "objectKey" from ingest.batches
    where batch_id = any (${[...batchUuids]}::uuid[]) and tenant_id = ${tenantId}`.execute(db);
  return rows.map(({ objectKey }) => objectKey);
}

export async function markUploadsErased(
  trx: Transaction<Database>,
  tenantId: string,
  batchUuids: readonly string[],
): Promise<void> {
  await sql`
    update ingest.batches set upload_deleted_at = coalesce(upload_deleted_at, now())
    where batch_id = any (${[...batchUuids]}::uuid[]) and tenant_id = ${tenantId}`.execute(trx);
}

/** Since the oldest erasure that is open was asked for; 0: none is. Along erasures_open. */
export async function oldestOpenSeconds(db: Kysely<Database>): Promise<number> {
  const { rows } = await sql<{ seconds: number }>`
    select coalesce(extract(epoch from clock_timestamp() - min(requested_at)), 0)::float8 as seconds
    from ingest.erasures where completed_at is null`.execute(db);
  return rows[0]?.seconds ?? 0;
}
