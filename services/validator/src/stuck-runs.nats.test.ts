import assert from "node:assert/strict";
import { after, test } from "node:test";

import { type BatchUploaded, uuidOfBatchId } from "@valify/contracts";
import { sql } from "kysely";

import { createBatchUploadedHandler } from "./batch-uploaded-handler.ts";
import { enqueueBatch, pickBatch } from "./queue-queries.ts";
import { findRunEnd } from "./run-queries.ts";
import { freeStuckRuns } from "./stuck-runs.ts";
import { assertCompletedOnce } from "./testing/assert-completed-once.ts";
import { MIXED_CSV } from "./testing/fixtures.ts";
import { startWorld } from "./testing/world.ts";

const HOUR_MS = 3_600_000;
const world = await startWorld();
after(() => world[Symbol.asyncDispose]());
const { db, bus } = world.deps;

/** A run whose holder is alive, renews its lease, and has not announced a row for so long. */
async function stuckBatch(minutes: number): Promise<BatchUploaded> {
  const event = await world.upload(MIXED_CSV);
  await enqueueBatch(db, event);
  await sql`
    insert into validation.runs
      (batch_id, tenant_id, total_leads, lease_token, lease_until, progressed_at)
    values (${uuidOfBatchId(event.batch_id)}, ${event.tenant_id}, ${event.total_leads},
      gen_random_uuid(), now() + interval '1 hour',
      now() - ${minutes} * interval '1 minute')`.execute(db);
  return event;
}

let isReady = true;
const free = (inMs = 0) =>
  freeStuckRuns(
    { db, bus, stuckAfterMs: HOUR_MS, isReady: async () => isReady },
    { now: new Date(Date.now() + inMs) },
  );

test("a run that has not moved for an hour goes on elsewhere; stuck again, it fails with its reason", async () => {
  const moving = await stuckBatch(59);
  const stuck = await stuckBatch(61);
  assert.deepEqual(await free(), { resumed: 1, failed: 0 });
  const picked = await pickBatch(db, { leadsMax: null, except: [] });
  assert.equal(picked?.event.batch_id, stuck.batch_id, "it is free to be taken");
  assert.deepEqual(await free(), { resumed: 0, failed: 0 });

  assert.deepEqual(await free(2 * HOUR_MS), { resumed: 1, failed: 1 });
  const end = await findRunEnd(db, uuidOfBatchId(stuck.batch_id));
  assert.equal(end?.status === "failed" && end.failure.code, "VALIDATION_STUCK");
  const [told] = await world.endsAnnounced(stuck.batch_id);
  assert.equal(told?.body["code"], "VALIDATION_STUCK");
  assert.equal(await findRunEnd(db, uuidOfBatchId(moving.batch_id)), undefined);
});

test("a run that was freed ends as if nothing had happened", async () => {
  const event = await stuckBatch(61);
  await free();
  const limits = { bytesMax: 10_000, rowsMax: 100 };
  const handle = createBatchUploadedHandler(world.deps, { limits, chunkRows: 3, leaseMs: 10_000 });
  assert.equal(await handle(event), undefined);
  await assertCompletedOnce(world, event);
});

test("while a dependency is away nobody is stuck", async () => {
  const event = await stuckBatch(61);
  isReady = false;
  assert.deepEqual(await free(), { resumed: 0, failed: 0 });
  isReady = true;
  assert.ok((await free()).resumed > 0, event.batch_id);
});
