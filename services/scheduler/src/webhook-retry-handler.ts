import { uuidOfBatchId, type WebhookRetry } from "@valify/contracts";

import { laneOf } from "./domain/lane.ts";
import type { NewDueRow } from "./due-queries.ts";

/** Stores a later wake-up of a delivery: a retry, a deferral or a replay. */
export function createWebhookRetryHandler(store: (row: NewDueRow) => Promise<unknown>) {
  return async function handleWebhookRetry(event: WebhookRetry): Promise<void> {
    const { id, kind, round, tenant_id: tenantId, not_before: dueAt } = event;
    const batchId = uuidOfBatchId(event.batch_id);
    await store({ id, tenantId, batchId, dueAt, round, kind, lane: laneOf(tenantId, id) });
  };
}
