import { type BatchCancelled, uuidOfBatchId } from "@valify/contracts";

import type { Batch } from "./domain/batch.ts";

/**
 * Marks the run; whoever works on it stops at its next write, within a chunk. A repeat changes
 * nothing, and so does a batch that has ended.
 */
export function createBatchCancelledHandler(
  cancelRun: (batch: Pick<Batch, "batchUuid" | "tenantId">) => Promise<void>,
) {
  return async function handleBatchCancelled(event: BatchCancelled): Promise<void> {
    const { batch_id: batchId, tenant_id: tenantId } = event;
    await cancelRun({ batchUuid: uuidOfBatchId(batchId), tenantId });
  };
}
