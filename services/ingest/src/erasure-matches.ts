import { batchIdOfUuid } from "@valify/contracts";
import type { ErasurePreview } from "@valify/contracts/api";
import type { Database } from "@valify/database";
import { type Kysely, sql } from "kysely";

import { maskDob, maskName } from "./domain/mask-person.ts";

interface MatchRow {
  readonly leadUuid: string;
  readonly batchUuid: string;
  readonly filename: string;
  readonly rowNumber: number;
  readonly leadId: string;
  readonly firstName: string;
  readonly lastName: string;
  readonly dobDate: string | null;
  readonly status: "valid" | "invalid" | "skipped";
  readonly validatedAt: Date;
  readonly hasUpload: boolean;
  readonly hasResults: boolean;
  readonly sent: number;
  readonly pending: number;
  readonly attempts: number;
}

/**
 * Every row that is held under one of these lead ids, oldest first, along leads_by_lead_id; their
 * deliveries along deliveries_of_batch. A webhook that was not due yet has no delivery: it is pending.
 */
export async function findMatches(
  db: Kysely<Database>,
  tenantId: string,
  leadIds: readonly string[],
  limit: number,
): Promise<readonly MatchRow[]> {
  const { rows } = await sql<MatchRow>`
    select l.lead_uuid as "leadUuid", l.batch_id as "batchUuid", b.filename,
      l.row_number as "rowNumber", l.lead_id as "leadId", l.first_name as "firstName",
      l.last_name as "lastName", l.dob_date as "dobDate", l.status,
      l.validated_at as "validatedAt", b.upload_deleted_at is null as "hasUpload",
      coalesce(r.results_object_key is not null and r.leads_deleted_at is null, false) as "hasResults",
      d.sent, case when d.total = 0 and l.status <> 'skipped' then 1 else d.pending end as pending,
      d.attempts
    from validation.leads as l
    join ingest.batches as b on b.batch_id = l.batch_id
    left join validation.runs as r on r.batch_id = l.batch_id
    cross join lateral (
      select count(*) as total, count(*) filter (where state = 'delivered') as sent,
        count(*) filter (where state in ('sending', 'waiting', 'held')) as pending,
        coalesce(sum(attempts), 0) as attempts
      from delivery.deliveries where batch_id = l.batch_id and lead_uuid = l.lead_uuid) as d
    where l.lead_id = any (${[...leadIds]}::text[]) and l.erased_at is null
      and l.tenant_id = ${tenantId} and b.tenant_id = ${tenantId}
    order by l.validated_at, l.batch_id, l.row_number limit ${limit}`.execute(db);
  return rows;
}

/** Batches whose rows are not all known yet; few, along batches_unsettled. */
export async function countUnfinished(db: Kysely<Database>, tenantId: string): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*)::int as count
    from ingest.batches as b left join validation.runs as r on r.batch_id = b.batch_id
    where b.tenant_id = ${tenantId} and b.usage_settled_at is null and b.cancelled_at is null
      and coalesce(r.status, 'processing') = 'processing'`.execute(db);
  return rows[0]?.count ?? 0;
}

/** By primary key. */
export async function isSuppressed(
  db: Kysely<Database>,
  tenantId: string,
  tombstones: readonly string[],
): Promise<boolean> {
  const { rows } = await sql`
    select from validation.suppressions
    where lead_hash = any (${[...tombstones]}::uuid[]) and tenant_id = ${tenantId}`.execute(db);
  return rows.length > 0;
}

/** The lead id of a row; undefined where there is none, null where the row was erased. */
export async function findLeadId(
  db: Kysely<Database>,
  tenantId: string,
  leadUuid: string,
): Promise<string | null | undefined> {
  const { rows } = await sql<{ leadId: string | null }>`
    select case when erased_at is null then lead_id end as "leadId" from validation.leads
    where lead_uuid = ${leadUuid} and tenant_id = ${tenantId}`.execute(db);
  return rows[0]?.leadId;
}

export function matchViewOf(row: MatchRow, leadId: string): ErasurePreview["matches"][number] {
  return {
    lead_uuid: row.leadUuid,
    batch_id: batchIdOfUuid(row.batchUuid),
    filename: row.filename,
    row: row.rowNumber,
    matched_by: row.leadId === leadId ? "lead_id" : "name",
    masked_first_name: maskName(row.firstName),
    masked_last_name: maskName(row.lastName),
    masked_dob: maskDob(row.dobDate),
    validation_status: row.status,
    validated_at: row.validatedAt.toISOString(),
    held: {
      upload: row.hasUpload,
      results: row.hasResults,
      deliveries_sent: row.sent,
      deliveries_pending: row.pending,
      attempts: row.attempts,
    },
  };
}
