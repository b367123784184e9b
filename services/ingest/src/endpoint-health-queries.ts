import type { EndpointHealthView } from "@valify/contracts/api";
import type { Database, EndpointState, WaitReason } from "@valify/database";
import { type Kysely, sql } from "kysely";

export interface StoredHealth {
  readonly endpointId: string;
  readonly status: "active" | "paused" | "disabled";
  readonly state: EndpointState;
  readonly consecutiveFailures: number;
  readonly failingSince: Date | null;
  readonly probeAt: Date | null;
  readonly pausedUntil: Date | null;
  readonly disabledAt: Date | null;
  readonly disabledReason: EndpointHealthView["disabled_reason"];
  /** Somebody has made the endpoint active since. */
  readonly isOutdated: boolean;
}

/** By primary keys; an endpoint without a row has never failed. A pause that is over is none. */
export async function findHealth(
  db: Kysely<Database>,
  tenantId: string,
  endpointId: string,
): Promise<StoredHealth | undefined> {
  const { rows } = await sql<StoredHealth>`
    select e.endpoint_id as "endpointId", e.status, coalesce(h.state, 'healthy') as state,
      coalesce(h.consecutive_failures, 0) as "consecutiveFailures",
      h.failing_since as "failingSince", h.probe_at as "probeAt",
      case when h.paused_until > now() then h.paused_until end as "pausedUntil",
      h.disabled_at as "disabledAt", h.disabled_reason as "disabledReason",
      coalesce(e.activated_at >= coalesce(h.disabled_at, h.updated_at), false) as "isOutdated"
    from ingest.endpoints as e left join delivery.endpoint_health as h using (endpoint_id)
    where e.endpoint_id = ${endpointId} and e.tenant_id = ${tenantId}`.execute(db);
  return rows[0];
}

/** Along deliveries_waiting. */
export async function countWaiting(
  db: Kysely<Database>,
  tenantId: string,
  endpointId: string,
): Promise<Partial<Record<WaitReason, number>>> {
  const { rows } = await sql<{ reason: WaitReason; count: number }>`
    select wait_reason as reason, count(*)::int as count from delivery.deliveries
    where endpoint_id = ${endpointId} and tenant_id = ${tenantId} and wait_reason is not null
    group by wait_reason`.execute(db);
  return Object.fromEntries(rows.map(({ reason, count }) => [reason, count]));
}
