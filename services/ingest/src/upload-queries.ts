import type { BatchOptions, RuleProfile } from "@valify/contracts/api";
import type { Database } from "@valify/database";
import { type Kysely, sql, type Transaction } from "kysely";

export interface FileWarning {
  readonly code: string;
  readonly message: string;
}

export interface NewBatch {
  readonly batchUuid: string;
  readonly tenantId: string;
  readonly filename: string;
  readonly objectKey: string;
  readonly byteCount: number;
  readonly contentSha256: Buffer;
  /** Of the leads alone, however they are written. */
  readonly rowsSha256: Buffer;
  readonly encoding: string;
  readonly delimiter: string;
  readonly totalLeads: number;
  readonly warnings: readonly FileWarning[];
  /** `yyyy-mm-dd` in London. */
  readonly asOf: string;
  readonly webhookDelayMs: number;
  readonly idempotencyKey: string | null;
  readonly options: BatchOptions;
}

/** A copy of the tenant's rules: what changes later changes no batch. */
export interface RulesSnapshot {
  readonly version: number;
  readonly profile: RuleProfile;
  readonly rulesetVersion: string;
}

/** What the answer to an upload shows, kept so that a repeat gets the same one. */
export type StoredUpload = Pick<
  NewBatch,
  "batchUuid" | "filename" | "totalLeads" | "warnings" | "contentSha256"
> & { readonly options: object; readonly createdAt: Date };

/**
 * Undefined where the tenant has used the idempotency key already: the unique index makes the
 * second of two uploads at once wait for the first, then give way.
 */
export async function insertBatch(
  trx: Transaction<Database>,
  batch: NewBatch,
  rules: RulesSnapshot,
): Promise<{ readonly createdAt: Date } | undefined> {
  return trx
    .insertInto("ingest.batches")
    .values({
      batch_id: batch.batchUuid,
      tenant_id: batch.tenantId,
      filename: batch.filename,
      object_key: batch.objectKey,
      byte_count: batch.byteCount,
      content_sha256: batch.contentSha256,
      rows_sha256: batch.rowsSha256,
      encoding: batch.encoding,
      delimiter: batch.delimiter,
      total_leads: batch.totalLeads,
      warnings: JSON.stringify(batch.warnings),
      as_of: batch.asOf,
      webhook_delay_ms: batch.webhookDelayMs,
      idempotency_key: batch.idempotencyKey,
      options: JSON.stringify(batch.options),
      cancelled_at: null,
      rule_profile: JSON.stringify(rules.profile),
      rule_profile_version: rules.version,
      ruleset_version: rules.rulesetVersion,
    })
    .onConflict((conflict) => conflict.columns(["tenant_id", "idempotency_key"]).doNothing())
    .returning(sql<Date>`created_at`.as("createdAt"))
    .executeTakeFirst();
}

const STORED_UPLOAD = sql`
  batch_id as "batchUuid", filename, total_leads as "totalLeads", warnings,
  content_sha256 as "contentSha256", options, created_at as "createdAt"`;

/** Along the unique index of (tenant_id, idempotency_key). */
export async function findUploadByKey(
  db: Kysely<Database>,
  tenantId: string,
  idempotencyKey: string,
): Promise<StoredUpload | undefined> {
  const { rows } = await sql<StoredUpload>`
    select ${STORED_UPLOAD} from ingest.batches
    where tenant_id = ${tenantId} and idempotency_key = ${idempotencyKey}`.execute(db);
  return rows[0];
}

/**
 * The newest batch of the same bytes, along the index batches_by_content, or of the same leads,
 * along batches_by_rows. One that was cancelled or failed does not count: uploading its file again
 * is how to go on.
 */
export async function findUploadByHash(
  db: Kysely<Database>,
  tenantId: string,
  column: "content_sha256" | "rows_sha256",
  sha256: Buffer,
): Promise<StoredUpload | undefined> {
  const { rows } = await sql<StoredUpload>`
    select ${STORED_UPLOAD} from ingest.batches as b
    where tenant_id = ${tenantId} and ${sql.ref(column)} = ${sha256} and cancelled_at is null
      and not exists (select from validation.runs as r
                      where r.batch_id = b.batch_id and r.status = 'failed')
    order by created_at desc limit 1`.execute(db);
  return rows[0];
}

/** Until the transaction ends, nobody else records a batch of these bytes for the tenant. */
export async function lockContent(
  trx: Transaction<Database>,
  tenantId: string,
  contentSha256: Buffer,
): Promise<void> {
  const content = `${tenantId}/${contentSha256.toString("hex")}`;
  await sql`select pg_advisory_xact_lock(hashtextextended(${content}, 7205020))`.execute(trx);
}

/** Along the primary key. */
export async function findUpload(
  db: Kysely<Database>,
  tenantId: string,
  batchUuid: string,
): Promise<StoredUpload | undefined> {
  const { rows } = await sql<StoredUpload>`
    select ${STORED_UPLOAD} from ingest.batches
    where tenant_id = ${tenantId} and batch_id = ${batchUuid}`.execute(db);
  return rows[0];
}
