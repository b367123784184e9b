import { type BatchCancelled, uuidOfBatchId } from "@valify/contracts";

/**
 * Ends what waits for a retry: the scheduler drops those wake-ups. What is being sent right now
 * ends by itself, and its next wake-up finds the batch cancelled.
 */
export function createBatchCancelledHandler(cancelWaiting: (batchId: string) => Promise<void>) {
  return async function handleBatchCancelled(event: BatchCancelled): Promise<void> {
    await cancelWaiting(uuidOfBatchId(event.batch_id));
  };
}
