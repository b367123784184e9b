import assert from "node:assert/strict";
import { test } from "node:test";

import type { MemoryStats, WorkerStats } from "@valify/contracts/api";
import { createHealth, createMetrics } from "@valify/runtime";

import { type Admission, createAdmission } from "./admission.ts";
import { BROKER_GRACE_MS } from "./domain/admission-gate.ts";
import {
  AUTH,
  codeOf,
  createTestApp,
  CSV,
  silentLog,
  upload,
  uploadedBatch,
} from "./test-support.ts";

const check = (isAway: () => boolean) => async () => {
  if (isAway()) throw new Error("away");
};

/** An app whose memory, database and broker are what the test says. */
async function createWorld() {
  const world = { usedBytes: 50, isDatabaseAway: false, isBrokerAway: false, nowMs: 0 };
  const checks = {
    database: check(() => world.isDatabaseAway),
    nats: check(() => world.isBrokerAway),
  };
  const metrics = createMetrics("ingest", "test");
  const admission: Admission = await createAdmission({
    readMemory: async () => ({ source: "process", usedBytes: world.usedBytes, limitBytes: 100 }),
    // Its report is asked anew each time, as the clock of the cache says.
    health: createHealth(checks, () => (world.nowMs += 2_000)),
    now: () => new Date(world.nowMs),
    log: silentLog(),
    metrics,
  });
  const own = await createTestApp({ admission });
  const set = async (change: Partial<typeof world>) => {
    Object.assign(world, change);
    await admission.refresh();
  };
  return { ...own, world, set, metrics };
}

test("above 80 % of the memory uploads are asked to come back, until 70 %; the rest goes on", async () => {
  await using t = await createWorld();
  const { batchId } = await uploadedBatch(t.app);
  await t.set({ usedBytes: 80 });
  for (const query of ["", "dry_run=true"]) {
    const refused = await upload(t.app, CSV, AUTH, query);
    assert.deepEqual([refused.statusCode, codeOf(refused)], [503, "MEMORY_HIGH"]);
    assert.ok(Number(refused.headers["retry-after"]) > 0);
  }
  const status = await t.app.inject({ url: `/batch_status/${batchId}`, headers: AUTH });
  assert.equal(status.statusCode, 200);
  const shown = (await t.app.inject({ url: "/memory_stats", headers: AUTH })).json<MemoryStats>();
  assert.deepEqual([shown.used_bytes, shown.limit_bytes, shown.utilization], [80, 100, 0.8]);
  assert.deepEqual([shown.admission.open, shown.admission.reasons], [false, ["memory"]]);

  await t.set({ usedBytes: 75 });
  assert.equal((await upload(t.app)).statusCode, 503);
  await t.set({ usedBytes: 70 });
  assert.equal((await upload(t.app)).statusCode, 202);
  const { body } = await t.metrics.render();
  assert.match(body, /valify_admission_rejected_total\{reason="memory"\} 3/);
  assert.match(body, /valify_admission_open 1/);
});

test("uploads are refused while the database is away, and once the broker has been for a while", async () => {
  await using t = await createWorld();
  await t.set({ isDatabaseAway: true });
  assert.equal(codeOf(await upload(t.app)), "DATABASE_UNAVAILABLE");
  await t.set({ isDatabaseAway: false, isBrokerAway: true });
  assert.equal((await upload(t.app)).statusCode, 202, "the outbox keeps it");
  await t.set({ nowMs: t.world.nowMs + BROKER_GRACE_MS });
  const refused = await upload(t.app);
  assert.deepEqual([refused.statusCode, codeOf(refused)], [503, "BROKER_UNAVAILABLE"]);
  const stats = (await t.app.inject({ url: "/worker_stats", headers: AUTH })).json<WorkerStats>();
  assert.deepEqual(stats.admission.reasons, ["broker"]);
  await t.set({ isBrokerAway: false });
  assert.equal((await upload(t.app)).statusCode, 202);
});

test("the stats tell what waits, and go on without a broker", async () => {
  const fleet = {
    workers: async () => Promise.reject(new Error("away")),
    queues: async () => [],
  };
  await using t = await createTestApp({ fleet });
  await uploadedBatch(t.app);
  await t.owner.query(
    `insert into validation.queue (batch_id, tenant_id, event, is_high, total_leads, queued_at)
     select gen_random_uuid(), tenant_id, '{}', false, 1, now() - interval '1 minute'
     from ingest.tenants limit 2`,
  );
  await t.owner.query(
    `insert into validation.runs (batch_id, tenant_id, total_leads, lease_until)
     select batch_id, tenant_id, 1, now() + interval '1 minute' from validation.queue limit 1`,
  );
  const stats = (await t.app.inject({ url: "/worker_stats", headers: AUTH })).json<WorkerStats>();
  assert.deepEqual([stats.workers, stats.queues], [[], []]);
  assert.deepEqual([stats.validation.waiting, stats.validation.at_work], [1, 1]);
  assert.ok(Number(stats.validation.oldest_waiting_seconds) >= 60);
  assert.equal(stats.outbox.unpublished, 1);
});
