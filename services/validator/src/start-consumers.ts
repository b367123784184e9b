import { batchCancelled, batchUploaded } from "@valify/contracts";
import { type Consumer, type ConsumerDeps, startConsumer } from "@valify/runtime";

import { createBatchCancelledHandler } from "./batch-cancelled-handler.ts";
import { type BatchQueue, startBatchQueue } from "./batch-queue.ts";
import {
  type BatchUploadedDeps,
  CHUNK_ROWS,
  createBatchAbandonedHandler,
  createBatchUploadedHandler,
  LEASE_MS,
} from "./batch-uploaded-handler.ts";
import type { readConfig } from "./config.ts";
import { enqueueBatch } from "./queue-queries.ts";
import { cancelRun } from "./run-queries.ts";

/** Each is one statement. */
const ENQUEUE_CONCURRENCY = 10;
const CANCEL_CONCURRENCY = 10;

type Limits = Pick<
  ReturnType<typeof readConfig>,
  "MAX_FILE_BYTES" | "MAX_LEADS_PER_FILE" | "VALIDATOR_CONCURRENCY"
>;

/** Takes batches into the queue; {@link startQueue} works on it. Cancelling never waits behind one. */
export async function startConsumers(
  deps: ConsumerDeps,
  handlers: BatchUploadedDeps,
  queue: BatchQueue,
): Promise<readonly Consumer[]> {
  return Promise.all([
    startConsumer(deps, {
      durable: "validator",
      event: batchUploaded,
      concurrency: ENQUEUE_CONCURRENCY,
      async handle(event) {
        await enqueueBatch(handlers.db, event);
        queue.wake();
      },
      onDeadLetter: createBatchAbandonedHandler(handlers),
    }),
    startConsumer(deps, {
      durable: "validator-cancelled",
      event: batchCancelled,
      concurrency: CANCEL_CONCURRENCY,
      handle: createBatchCancelledHandler((batch) => cancelRun(handlers.db, batch)),
    }),
  ]);
}

export function startQueue(
  { log, metrics, isReady }: Omit<ConsumerDeps, "bus">,
  handlers: BatchUploadedDeps,
  config: Limits,
): BatchQueue {
  const limits = { bytesMax: config.MAX_FILE_BYTES, rowsMax: config.MAX_LEADS_PER_FILE };
  const options = { limits, chunkRows: CHUNK_ROWS, leaseMs: LEASE_MS };
  const validate = createBatchUploadedHandler(handlers, options);
  const abandon = createBatchAbandonedHandler(handlers);
  const deps = { db: handlers.db, log, metrics, isReady, validate, abandon };
  return startBatchQueue(deps, config.VALIDATOR_CONCURRENCY);
}
