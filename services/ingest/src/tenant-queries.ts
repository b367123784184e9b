import type { Database } from "@valify/database";
import { type Kysely, sql, type Transaction } from "kysely";

import type { TenantLimits } from "./domain/tenant-limits.ts";
import { LIMITS } from "./limit-queries.ts";

export interface StoredTenant extends TenantLimits {
  readonly tenantId: string;
  readonly name: string;
  readonly createdAt: Date;
}

const TENANT = sql`tenant_id as "tenantId", name, created_at as "createdAt", ${LIMITS}`;

export async function findTenant(
  db: Kysely<Database>,
  tenantId: string,
): Promise<StoredTenant | undefined> {
  const { rows } = await sql<StoredTenant>`
    select ${TENANT} from ingest.tenants where tenant_id = ${tenantId}`.execute(db);
  return rows[0];
}

/** By id. As system: for the installation's own administration alone. */
export async function listTenants(
  trx: Transaction<Database>,
  { after, limit }: { readonly after: string | undefined; readonly limit: number },
): Promise<readonly StoredTenant[]> {
  const isAfter = after === undefined ? sql`true` : sql`tenant_id > ${after}::uuid`;
  const { rows } = await sql<StoredTenant>`
    select ${TENANT} from ingest.tenants where ${isAfter} order by tenant_id limit ${limit}
  `.execute(trx);
  return rows;
}

export async function insertTenant(
  trx: Transaction<Database>,
  name: string,
  limits: TenantLimits,
): Promise<StoredTenant> {
  const { rows } = await sql<StoredTenant>`
    insert into ingest.tenants (tenant_id, name, files_per_day_max, leads_per_month_max,
      stored_bytes_max, concurrent_batches_max)
    values (gen_random_uuid(), ${name}, ${limits.filesPerDayMax}, ${limits.leadsPerMonthMax},
      ${limits.storedBytesMax}, ${limits.concurrentBatchesMax})
    returning ${TENANT}`.execute(trx);
  if (rows[0] === undefined) throw new Error("an insert returned no row");
  return rows[0];
}

export async function updateTenant(
  trx: Transaction<Database>,
  tenantId: string,
  { name, limits }: { readonly name: string; readonly limits: TenantLimits },
): Promise<StoredTenant> {
  const { rows } = await sql<StoredTenant>`
    update ingest.tenants set name = ${name}, files_per_day_max = ${limits.filesPerDayMax},
      leads_per_month_max = ${limits.leadsPerMonthMax}, stored_bytes_max = ${limits.storedBytesMax},
      concurrent_batches_max = ${limits.concurrentBatchesMax}
    where tenant_id = ${tenantId} returning ${TENANT}`.execute(trx);
  if (rows[0] === undefined) throw new Error("the tenant was locked, and is gone");
  return rows[0];
}
