import { erasureCleared, type ErasureRequested, uuidOfBatchId } from "@valify/contracts";
import type { Database } from "@valify/database";
import type { Bus, Later } from "@valify/runtime";
import type { Kysely } from "kysely";

import { clearAnswers, endDeliveries } from "./erasure-queries.ts";

export interface ErasureDeps {
  readonly db: Kysely<Database>;
  readonly bus: Pick<Bus, "publish">;
  readonly now: () => Date;
}

/** Until the request under way has ended, or its dispatcher is known to be dead. */
const SENDING_DELAY_MS = 1_000;

/**
 * Ends what waits for erased leads and forgets what receivers answered about them. What is under way
 * cannot be taken back: it ends first, and its answer is not written down.
 */
export function createErasureRequestedHandler({ db, bus, now }: ErasureDeps) {
  return async function handleErasureRequested(
    event: ErasureRequested,
  ): Promise<Later | undefined> {
    const { erasure_id, tenant_id: tenantId, attempt, leads } = event;
    const leadUuids = leads.map(({ lead_uuid: leadUuid }) => leadUuid);
    const batchUuids = [...new Set(leads.map(({ batch_id: batchId }) => uuidOfBatchId(batchId)))];
    const erased = { tenantId, batchUuids, leadUuids };
    if (await endDeliveries(db, erased)) return { kind: "later", delayMs: SENDING_DELAY_MS };
    await clearAnswers(db, erased);
    const cleared = { erasure_id, tenant_id: tenantId, attempt, cleared_at: now().toISOString() };
    await bus.publish(erasureCleared, { ...cleared, service: "webhook-dispatcher" });
    return undefined;
  };
}
