import { type BatchCancelled, uuidOfBatchId } from "@valify/contracts";

/** One tombstone drops every wake-up of the batch when it matures, a million or none. */
export function createBatchCancelledHandler(tombstone: (batchId: string) => Promise<void>) {
  return async function handleBatchCancelled(event: BatchCancelled): Promise<void> {
    await tombstone(uuidOfBatchId(event.batch_id));
  };
}
