import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { batchUploaded, uuidOfBatchId } from "@valify/contracts";

import { announceLostBatches } from "./lost-batches.ts";
import { AUTH, createTestApp, setRun, type TestApp, uploadedBatch } from "./test-support.ts";

const HOUR_MS = 3_600_000;
let t: TestApp;
before(async () => {
  t = await createTestApp();
});
after(() => t[Symbol.asyncDispose]());

test("a batch that nobody has begun for an hour is announced again, as it was", async () => {
  const { batchId: lost } = await uploadedBatch(t.app);
  const { batchId: begun } = await uploadedBatch(t.app);
  await setRun(t.owner, uuidOfBatchId(begun), { status: "processing" });
  const { batchId: cancelled } = await uploadedBatch(t.app);
  await t.app.inject({ method: "POST", url: `/batches/${cancelled}/cancel`, headers: AUTH });
  const { batchId: waiting } = await uploadedBatch(t.app);
  await t.owner.query(
    `insert into validation.queue (batch_id, tenant_id, event, is_high, total_leads)
     values ($1, gen_random_uuid(), '{}', false, 1)`,
    [uuidOfBatchId(waiting)],
  );
  const eventsOf = async (batchId: string) => {
    const { rows } = await t.owner.query(
      "select event from ingest.outbox where subject = 'batch.uploaded' and event->>'batch_id' = $1",
      [batchId],
    );
    return rows.map(({ event }) => batchUploaded.schema.parse(event));
  };
  let woken = 0;
  const deps = { db: t.db, stuckAfterMs: HOUR_MS, wakeOutbox: () => void (woken += 1) };
  assert.deepEqual(await announceLostBatches(deps, new Date()), { announced: 0 });
  const later = new Date(Date.now() + HOUR_MS + 60_000);
  assert.deepEqual(await announceLostBatches(deps, later), { announced: 1 });
  assert.equal(woken, 1);
  const [first, again] = await eventsOf(lost);
  assert.deepEqual(again, first);
  for (const other of [begun, cancelled, waiting]) assert.equal((await eventsOf(other)).length, 1);
});
