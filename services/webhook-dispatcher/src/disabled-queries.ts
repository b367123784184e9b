import type { Database } from "@valify/database";
import { sql, type Transaction } from "kysely";

export interface DisabledEndpoint {
  readonly endpointId: string;
  readonly tenantId: string;
  readonly reason: string;
  readonly disabledAt: Date;
}

/** Along endpoint_health_to_announce. Another dispatcher that is at it keeps what it holds. */
export async function lockUnannounced(
  trx: Transaction<Database>,
  limit: number,
): Promise<readonly DisabledEndpoint[]> {
  const { rows } = await sql<DisabledEndpoint>`
    select endpoint_id as "endpointId", tenant_id as "tenantId",
      coalesce(disabled_reason, 'unknown') as reason, disabled_at as "disabledAt"
    from delivery.endpoint_health
    where disabled_at is not null and disabled_announced_at is null
    order by endpoint_id limit ${limit} for update skip locked`.execute(trx);
  return rows;
}

export async function markAnnounced(
  trx: Transaction<Database>,
  endpointIds: readonly string[],
  now: Date,
): Promise<void> {
  await sql`
    update delivery.endpoint_health set disabled_announced_at = ${now}
    where endpoint_id = any (${endpointIds}::uuid[])`.execute(trx);
}
