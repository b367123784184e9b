import { batchIdOfUuid } from "@valify/contracts";
import type { BatchStatus, BatchView } from "@valify/contracts/api";
import type { Database } from "@valify/database";
import { type Kysely, type RawBuilder, sql, type Transaction } from "kysely";

import type { BatchCursor } from "./domain/cursor.ts";

interface BatchRow {
  readonly batchUuid: string;
  readonly filename: string;
  readonly status: BatchStatus;
  readonly totalLeads: number;
  readonly validLeads: number;
  readonly invalidLeads: number;
  readonly skippedRows: number;
  readonly error: string | null;
  readonly createdAt: Date;
  readonly completedAt: Date | null;
}

/** Cancelling wins over whatever the run says: nothing more is sent for it. */
const STATUS = sql<BatchStatus>`
  case when b.cancelled_at is not null then 'cancelled' else coalesce(r.status, 'pending') end`;

/** A batch is ours to tell, its progress the validator's: no run yet means it still waits. */
const BATCH_COLUMNS = sql`
  b.batch_id as "batchUuid", b.filename, ${STATUS} as status, b.total_leads as "totalLeads",
  coalesce(r.valid_leads, 0) as "validLeads", coalesce(r.invalid_leads, 0) as "invalidLeads",
  coalesce(r.skipped_rows, 0) as "skippedRows", r.error_message as error,
  b.created_at as "createdAt",
  case when r.status in ('completed', 'failed') then r.ended_at else b.cancelled_at
  end as "completedAt"`;

const BATCH_TABLES = sql`
  ingest.batches as b left join validation.runs as r on r.batch_id = b.batch_id`;

/** Along both primary keys. Undefined: no such batch, or another tenant's. */
export async function findBatch(
  db: Kysely<Database>,
  tenantId: string,
  batchUuid: string,
): Promise<BatchView | undefined> {
  const { rows } = await sql<BatchRow>`
    select ${BATCH_COLUMNS} from ${BATCH_TABLES}
    where b.batch_id = ${batchUuid} and b.tenant_id = ${tenantId}`.execute(db);
  return rows[0] === undefined ? undefined : viewOf(rows[0]);
}

/** For live streams: whoever opened one has shown that the batch is the tenant's. */
export async function findWatchedBatches(
  db: Kysely<Database>,
  batchUuids: readonly string[],
): Promise<readonly BatchView[]> {
  const { rows } = await sql<BatchRow>`
    select ${BATCH_COLUMNS} from ${BATCH_TABLES}
    where b.batch_id = any(${batchUuids}::uuid[])`.execute(db);
  return rows.map(viewOf);
}

export interface BatchListing {
  readonly tenantId: string;
  readonly status: BatchStatus | undefined;
  /** Begin after this one; undefined begins at the newest. */
  readonly after: BatchCursor | undefined;
  readonly limit: number;
}

/**
 * Newest first, along the index batches_newest, which the comparison of pairs can use. A rare
 * status walks further along it; the runs come by their primary key.
 */
export async function listBatches(db: Kysely<Database>, listing: BatchListing) {
  const { tenantId, status, after, limit } = listing;
  const { rows } = await sql<BatchRow & { place: string }>`
    select ${BATCH_COLUMNS},
      to_char(b.created_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as place
    from ${BATCH_TABLES}
    where b.tenant_id = ${tenantId} and ${isAfter(after)} and ${hasStatus(status)}
    order by b.created_at desc, b.batch_id desc limit ${limit + 1}`.execute(db);
  const page = rows.slice(0, limit);
  const last = rows.length > limit ? page.at(-1) : undefined;
  return {
    batches: page.map(viewOf),
    next: last === undefined ? null : { createdAt: last.place, batchUuid: last.batchUuid },
  };
}

export interface CancelTarget {
  readonly cancelledAt: Date | null;
  readonly runStatus: string | null;
  /** Valid and invalid ones, so far. */
  readonly validatedLeads: number;
}

/** Locks the batch's row, so that two cancellations come one after the other. */
export async function lockForCancel(
  trx: Transaction<Database>,
  tenantId: string,
  batchUuid: string,
): Promise<CancelTarget | undefined> {
  const { rows } = await sql<CancelTarget>`
    select b.cancelled_at as "cancelledAt", r.status as "runStatus",
      coalesce(r.valid_leads + r.invalid_leads, 0) as "validatedLeads" from ${BATCH_TABLES}
    where b.batch_id = ${batchUuid} and b.tenant_id = ${tenantId} for update of b`.execute(trx);
  return rows[0];
}

export async function markCancelled(trx: Transaction<Database>, batchUuid: string): Promise<Date> {
  const { cancelledAt } = await trx
    .updateTable("ingest.batches")
    .set({ cancelled_at: sql<Date>`now()` })
    .where("batch_id", "=", batchUuid)
    .returning(sql<Date>`cancelled_at`.as("cancelledAt"))
    .executeTakeFirstOrThrow();
  return cancelledAt;
}

export interface ResultsPlace {
  readonly status: BatchStatus;
  readonly objectKey: string | null;
  /** Null where every row is valid. */
  readonly errorsObjectKey: string | null;
}

/** Along both primary keys. */
export async function findResults(
  db: Kysely<Database>,
  tenantId: string,
  batchUuid: string,
): Promise<ResultsPlace | undefined> {
  const { rows } = await sql<ResultsPlace>`
    select ${STATUS} as status, r.results_object_key as "objectKey",
      r.errors_object_key as "errorsObjectKey" from ${BATCH_TABLES}
    where b.batch_id = ${batchUuid} and b.tenant_id = ${tenantId}`.execute(db);
  return rows[0];
}

function isAfter(after: BatchCursor | undefined): RawBuilder<unknown> {
  if (after === undefined) return sql`true`;
  const { createdAt, batchUuid } = after;
  return sql`(b.created_at, b.batch_id) < (${createdAt}::timestamptz, ${batchUuid}::uuid)`;
}

function hasStatus(status: BatchStatus | undefined): RawBuilder<unknown> {
  return status === undefined ? sql`true` : sql`${STATUS} = ${status}`;
}

function viewOf(row: BatchRow): BatchView {
  const { validLeads, invalidLeads, skippedRows } = row;
  return {
    batch_id: batchIdOfUuid(row.batchUuid),
    filename: row.filename,
    status: row.status,
    total_leads: row.totalLeads,
    processed_leads: validLeads + invalidLeads + skippedRows,
    valid_leads: validLeads,
    invalid_leads: invalidLeads,
    skipped_rows: skippedRows,
    error: row.error,
    created_at: row.createdAt.toISOString(),
    completed_at: row.completedAt?.toISOString() ?? null,
  };
}

/** By primary key. */
export async function isBatchCancelled(
  trx: Transaction<Database>,
  batchUuid: string,
): Promise<boolean> {
  const row = await trx
    .selectFrom("ingest.batches")
    .select("cancelled_at")
    .where("batch_id", "=", batchUuid)
    .executeTakeFirst();
  return row !== undefined && row.cancelled_at !== null;
}
