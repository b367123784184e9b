import { batchCancelled, batchUploaded, erasureRequested } from "@valify/contracts";
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
import { createErasureRequestedHandler } from "./erasure-requested-handler.ts";
import { enqueueBatch } from "./queue-queries.ts";
import { cancelRun } from "./run-queries.ts";

/** Each is one statement. */
const ENQUEUE_CONCURRENCY = 10;
const CANCEL_CONCURRENCY = 10;
const ERASURE_HEARTBEAT_MS = 10_000;

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

/** An erasure looks through a stream and rewrites files: one at a time, and it says that it is alive. */
export async function startErasures(
  deps: ConsumerDeps,
  { db, objects }: Pick<BatchUploadedDeps, "db" | "objects">,
  config: Limits,
): Promise<Consumer> {
  const limits = { bytesMax: config.MAX_FILE_BYTES, rowsMax: config.MAX_LEADS_PER_FILE };
  const { bus } = deps;
  return startConsumer(deps, {
    durable: "validator-erasure",
    event: erasureRequested,
    concurrency: 1,
    heartbeatMs: ERASURE_HEARTBEAT_MS,
    handle: createErasureRequestedHandler({ db, bus, objects, limits, now: () => new Date() }),
  });
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
