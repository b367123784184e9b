import { batchCancelled, erasureRequested, leadValidated, webhookRetry } from "@valify/contracts";
import { type Consumer, type ConsumerDeps, startConsumer } from "@valify/runtime";

import { createBatchCancelledHandler } from "./batch-cancelled-handler.ts";
import type { DueKey, NewDueRow } from "./due-queries.ts";
import { createErasureRequestedHandler } from "./erasure-requested-handler.ts";
import { createLeadValidatedHandler } from "./lead-validated-handler.ts";
import { createWebhookRetryHandler } from "./webhook-retry-handler.ts";

export interface SchedulerWrites {
  readonly storeWakeUp: (row: NewDueRow) => Promise<unknown>;
  readonly tombstoneBatch: (batchId: string) => Promise<void>;
  readonly dropWakeUps: (keys: readonly DueKey[]) => Promise<void>;
}

/** Two full batches of the wake-up store: one being written, one gathering. */
const WAKE_UPS_AT_ONCE = 2_000;

/** The inputs of the scheduler. Dispose each. */
export async function startConsumers(
  deps: ConsumerDeps,
  { storeWakeUp, tombstoneBatch, dropWakeUps }: SchedulerWrites,
): Promise<readonly Consumer[]> {
  return Promise.all([
    startConsumer(deps, {
      durable: "scheduler",
      event: leadValidated,
      concurrency: WAKE_UPS_AT_ONCE,
      handle: createLeadValidatedHandler(storeWakeUp),
    }),
    startConsumer(deps, {
      durable: "scheduler-retry",
      event: webhookRetry,
      concurrency: WAKE_UPS_AT_ONCE,
      handle: createWebhookRetryHandler(storeWakeUp),
    }),
    startConsumer(deps, {
      durable: "scheduler-cancelled",
      event: batchCancelled,
      concurrency: 10,
      handle: createBatchCancelledHandler(tombstoneBatch),
    }),
    startConsumer(deps, {
      durable: "scheduler-erasure",
      event: erasureRequested,
      concurrency: 2,
      handle: createErasureRequestedHandler({ bus: deps.bus, dropWakeUps, now: () => new Date() }),
    }),
  ]);
}
