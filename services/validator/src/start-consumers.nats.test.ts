import assert from "node:assert/strict";
import { after, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";

import { batchCancelled, batchUploaded } from "@valify/contracts";
import { createMetrics } from "@valify/runtime";

import { createBatchObserver } from "./batch-observer.ts";
import { batchOfEvent } from "./domain/batch.ts";
import { findRunEnd } from "./run-queries.ts";
import { startConsumers, startQueue } from "./start-consumers.ts";
import { MIXED_CSV } from "./testing/fixtures.ts";
import { startWorld } from "./testing/world.ts";

const stack = new AsyncDisposableStack();
after(() => stack.disposeAsync());
const world = stack.use(await startWorld());
const { deps } = world;
const { db, bus, log } = deps;
const metrics = createMetrics("validator", "test");
const observer = createBatchObserver(log, metrics);
const common = { log, metrics, isReady: async () => true };
const limits = { MAX_FILE_BYTES: 10_000, MAX_LEADS_PER_FILE: 100, VALIDATOR_CONCURRENCY: 2 };
const queue = stack.use(startQueue(common, { ...deps, observer }, limits));
const consumers = await startConsumers({ bus, ...common }, { ...deps, observer }, queue);
for (const consumer of consumers) stack.use(consumer);

async function eventually(condition: () => Promise<boolean>, what: string): Promise<void> {
  const deadlineMs = performance.now() + 20_000;
  while (performance.now() < deadlineMs) {
    if (await condition()) return;
    await pause(20);
  }
  assert.fail(`not in time: ${what}`);
}

test("uploaded batches end completed, and the metrics count their rows", async () => {
  const events = await Promise.all([1, 2, 3].map(() => world.upload(MIXED_CSV)));
  await bus.publishAll(batchUploaded, events);
  for (const event of events) {
    const hasEnded = async () => (await world.endsAnnounced(event.batch_id)).length === 1;
    await eventually(hasEnded, "batch.completed");
  }
  const hasMetrics = async () => (await metrics.render()).body.includes('status="completed"} 3');
  await eventually(hasMetrics, "three batches in the metrics");
  const { body } = await metrics.render();
  assert.match(body, /valify_rows_processed_total\{outcome="valid"\} 9/);
  assert.match(body, /valify_rows_processed_total\{outcome="invalid"\} 9/);
  assert.match(body, /valify_rows_processed_total\{outcome="skipped"\} 6/);
  assert.match(body, /valify_batch_duration_seconds_count 3/);
});

test("a cancelled batch is marked, whatever else is under way", async () => {
  const event = await world.upload(MIXED_CSV);
  const { batch_id, tenant_id } = event;
  const cancelled_at = "2026-11-22T10:00:00.000Z";
  await bus.publish(batchCancelled, { batch_id, tenant_id, cancelled_at });
  const isCancelled = async () =>
    (await findRunEnd(db, batchOfEvent(event).batchUuid))?.status === "cancelled";
  await eventually(isCancelled, "the run is cancelled");
});
