import { erasureCleared, type ErasureRequested } from "@valify/contracts";
import type { Bus } from "@valify/runtime";

import { laneOf } from "./domain/lane.ts";
import type { DueKey } from "./due-queries.ts";

export interface ErasureDeps {
  readonly bus: Pick<Bus, "publish">;
  readonly dropWakeUps: (keys: readonly DueKey[]) => Promise<void>;
  readonly now: () => Date;
}

/**
 * Drops the first wake-ups of erased leads. One that is claimed already, or comes late, or belongs to
 * a retry, the dispatcher passes over (ADR 21): no row here holds anything of a person.
 */
export function createErasureRequestedHandler({ bus, dropWakeUps, now }: ErasureDeps) {
  return async function handleErasureRequested(event: ErasureRequested): Promise<void> {
    const { erasure_id, tenant_id: tenantId, attempt, leads } = event;
    await dropWakeUps(
      leads.map(({ lead_uuid: id, webhook_scheduled_for: dueAt }) => ({
        id,
        dueAt,
        lane: laneOf(tenantId, id),
      })),
    );
    const cleared = { erasure_id, tenant_id: tenantId, attempt, cleared_at: now().toISOString() };
    await bus.publish(erasureCleared, { ...cleared, service: "scheduler" });
  };
}
