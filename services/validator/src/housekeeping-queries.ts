import type { Database } from "@valify/database";
import { type Kysely, sql } from "kysely";

import type { Batch } from "./domain/batch.ts";

/**
 * Runs that ended, and whose last lead's webhook was due, before this instant; oldest first along
 * the partial index runs_with_leads. Rows are judged in order, so the last row's webhook is the
 * last: one entry of the unique index (batch_id, row_number) per run.
 */
export async function findExpiredRuns(
  db: Kysely<Database>,
  before: Date,
  limit: number,
): Promise<readonly Pick<Batch, "batchUuid" | "tenantId">[]> {
  const { rows } = await sql<Pick<Batch, "batchUuid" | "tenantId">>`
    select r.batch_id as "batchUuid", r.tenant_id as "tenantId"
    from validation.runs r
    left join lateral (
      select webhook_scheduled_for from validation.leads l
      where l.batch_id = r.batch_id order by l.row_number desc limit 1) as last on true
    where r.leads_deleted_at is null and r.ended_at < ${before}
      and (last.webhook_scheduled_for is null or last.webhook_scheduled_for < ${before})
    order by r.ended_at limit ${limit}`.execute(db);
  return rows;
}

/** The first rows of a batch, along the unique index (batch_id, row_number). Returns how many. */
export async function deleteLeads(
  db: Kysely<Database>,
  batchUuid: string,
  limit: number,
): Promise<number> {
  const { numAffectedRows = 0n } = await sql`
    with first as materialized (
      select lead_uuid from validation.leads
      where batch_id = ${batchUuid} order by row_number limit ${limit})
    delete from validation.leads as l using first where l.lead_uuid = first.lead_uuid`.execute(db);
  return Number(numAffectedRows);
}

export async function markLeadsDeleted(
  db: Kysely<Database>,
  batchUuid: string,
  now: Date,
): Promise<void> {
  await sql`
    update validation.runs set leads_deleted_at = ${now}
    where batch_id = ${batchUuid}`.execute(db);
}
