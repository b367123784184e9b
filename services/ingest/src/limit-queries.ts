import type { Database } from "@valify/database";
import { type Kysely, sql, type Transaction } from "kysely";

import type { TenantLimits, TenantUse } from "./domain/tenant-limits.ts";

export const LIMITS = sql`
  files_per_day_max as "filesPerDayMax", leads_per_month_max as "leadsPerMonthMax",
  stored_bytes_max as "storedBytesMax", concurrent_batches_max as "concurrentBatchesMax"`;

export async function findLimits(
  db: Kysely<Database>,
  tenantId: string,
): Promise<TenantLimits | undefined> {
  const { rows } = await sql<TenantLimits>`
    select ${LIMITS} from ingest.tenants where tenant_id = ${tenantId}`.execute(db);
  return rows[0];
}

/**
 * Uploads of one tenant pass one at a time from here to their commit, so that each counts the one
 * before. NO KEY UPDATE: foreign keys to the tenant do not wait.
 */
export async function lockTenant(trx: Transaction<Database>, tenantId: string): Promise<void> {
  await sql`
    select from ingest.tenants where tenant_id = ${tenantId} for no key update`.execute(trx);
}

/**
 * Days along batches_newest, months along usage_entries_of_tenant, work along batches_unsettled. A
 * batch whose run has ended is at work no more, even if its end was not settled yet.
 */
export async function measureUse(db: Kysely<Database>, tenantId: string): Promise<TenantUse> {
  const { rows } = await sql<TenantUse>`
    select
      (select count(*) from ingest.batches
       where tenant_id = ${tenantId} and created_at >= date_trunc('day', now(), 'utc'))
        as "filesToday",
      (select coalesce(sum(leads), 0) from ingest.usage_entries
       where tenant_id = ${tenantId} and kind = 'charge'
         and at >= date_trunc('month', now(), 'utc'))
      + (select coalesce(sum(total_leads), 0) from ingest.batches
         where tenant_id = ${tenantId} and usage_settled_at is null) as "leadsThisMonth",
      (select coalesce(sum(byte_count), 0) from ingest.batches
       where tenant_id = ${tenantId} and upload_deleted_at is null) as "storedBytes",
      (select count(*) from ingest.batches as b
       left join validation.runs as r on r.batch_id = b.batch_id
       where b.tenant_id = ${tenantId} and b.usage_settled_at is null
         and coalesce(r.status, 'processing') = 'processing') as "concurrentBatches"
  `.execute(db);
  if (rows[0] === undefined) throw new Error("an aggregate returned no row");
  return rows[0];
}
