import {
  batchCancelled,
  erasureRequested,
  webhookCancel,
  webhookDue,
  webhookTest,
} from "@valify/contracts";
import type { Database } from "@valify/database";
import { type Consumer, type ConsumerDeps, startConsumer } from "@valify/runtime";
import type { Kysely } from "kysely";

import { createBatchCancelledHandler } from "./batch-cancelled-handler.ts";
import type { createDeliveryPath } from "./delivery-path.ts";
import { cancelDelivery, cancelWaiting } from "./delivery-queries.ts";
import { createErasureRequestedHandler } from "./erasure-requested-handler.ts";
import { createWebhookCancelHandler } from "./webhook-cancel-handler.ts";

export interface DispatcherWork {
  readonly db: Kysely<Database>;
  readonly path: ReturnType<typeof createDeliveryPath>;
}

/** Each is one statement or two. */
const SMALL_CONCURRENCY = 10;
const TEST_CONCURRENCY = 20;

/** The inputs of the dispatcher. Dispose each. */
export async function startConsumers(
  deps: ConsumerDeps,
  { db, path }: DispatcherWork,
): Promise<readonly Consumer[]> {
  return [
    await startConsumer(deps, {
      durable: "dispatcher",
      event: webhookDue,
      concurrency: path.wakeUpsMax,
      handle: path.handle,
    }),
    await startConsumer(deps, {
      durable: "dispatcher-test",
      event: webhookTest,
      concurrency: TEST_CONCURRENCY,
      handle: path.handleTest,
    }),
    await startConsumer(deps, {
      durable: "dispatcher-cancel",
      event: webhookCancel,
      concurrency: SMALL_CONCURRENCY,
      handle: createWebhookCancelHandler((...ids) => cancelDelivery(db, ...ids)),
    }),
    await startConsumer(deps, {
      durable: "dispatcher-cancelled",
      event: batchCancelled,
      concurrency: SMALL_CONCURRENCY,
      handle: createBatchCancelledHandler((batchId) => cancelWaiting(db, batchId)),
    }),
    await startConsumer(deps, {
      durable: "dispatcher-erasure",
      event: erasureRequested,
      concurrency: SMALL_CONCURRENCY,
      handle: createErasureRequestedHandler({ db, bus: deps.bus, now: () => new Date() }),
    }),
  ];
}
