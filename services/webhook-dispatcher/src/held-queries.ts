import type { Database } from "@valify/database";
import { type Kysely, sql } from "kysely";

/** Active, not disabled since, and still with something held. One index probe per endpoint. */
export async function findReactivated(db: Kysely<Database>): Promise<readonly string[]> {
  const { rows } = await sql<{ endpointId: string }>`
    select e.endpoint_id as "endpointId"
    from ingest.endpoints as e
    left join delivery.endpoint_health as h using (endpoint_id)
    where e.status = 'active'
      and (h.state is distinct from 'disabled' or h.disabled_at <= e.activated_at)
      and exists (
        select from delivery.deliveries as d
        where d.endpoint_id = e.endpoint_id and d.wait_reason in ('paused', 'disabled'))
    order by e.endpoint_id`.execute(db);
  return rows.map(({ endpointId }) => endpointId);
}

interface HeldDelivery {
  readonly deliveryId: string;
  readonly tenantId: string;
  readonly batchId: string;
  readonly round: number;
}

/** By id along deliveries_waiting, for one endpoint. */
export async function listHeld(
  db: Kysely<Database>,
  { endpointId, after, limit }: { endpointId: string; after: string; limit: number },
): Promise<readonly HeldDelivery[]> {
  const { rows } = await sql<HeldDelivery>`
    select delivery_id as "deliveryId", tenant_id as "tenantId", batch_id as "batchId", round
    from delivery.deliveries
    where endpoint_id = ${endpointId} and wait_reason in ('paused', 'disabled')
      and delivery_id > ${after}
    order by delivery_id limit ${limit}`.execute(db);
  return rows;
}
