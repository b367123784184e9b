import { batchCancelled, batchUploaded } from "@valify/contracts";
import { type Consumer, type ConsumerDeps, startConsumer } from "@valify/runtime";

import { createBatchCancelledHandler } from "./batch-cancelled-handler.ts";
import {
  type BatchUploadedDeps,
  CHUNK_ROWS,
  createBatchAbandonedHandler,
  createBatchUploadedHandler,
  LEASE_MS,
} from "./batch-uploaded-handler.ts";
import type { readConfig } from "./config.ts";
import { cancelRun } from "./run-queries.ts";

/** A third of the durable's ack wait: one lost heartbeat does not bring the message back. */
const HEARTBEAT_MS = 5_000;
const CANCEL_CONCURRENCY = 10;

type Limits = Pick<
  ReturnType<typeof readConfig>,
  "MAX_FILE_BYTES" | "MAX_LEADS_PER_FILE" | "VALIDATOR_CONCURRENCY"
>;

/** The two streams of work. Cancelling has its own, so that it never waits behind a batch. */
export async function startConsumers(
  deps: ConsumerDeps,
  handlers: BatchUploadedDeps,
  config: Limits,
): Promise<readonly Consumer[]> {
  const limits = { bytesMax: config.MAX_FILE_BYTES, rowsMax: config.MAX_LEADS_PER_FILE };
  return Promise.all([
    startConsumer(deps, {
      durable: "validator",
      event: batchUploaded,
      concurrency: config.VALIDATOR_CONCURRENCY,
      heartbeatMs: HEARTBEAT_MS,
      handle: createBatchUploadedHandler(handlers, {
        limits,
        chunkRows: CHUNK_ROWS,
        leaseMs: LEASE_MS,
      }),
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
