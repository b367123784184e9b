import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { uuidOfBatchId, webhookRetry } from "@valify/contracts";

import { DEFAULT_TENANT_ID } from "./bootstrap.ts";
import {
  AUTH,
  codeOf,
  createTestApp,
  setRun,
  type TestApp,
  uploadedBatch,
} from "./test-support.ts";
import { delivered, exhausted, webhooksOf } from "./webhook-fixture.ts";

let t: TestApp;
let webhooks: ReturnType<typeof webhooksOf>;
before(async () => {
  t = await createTestApp();
  webhooks = webhooksOf(t);
});
after(() => t[Symbol.asyncDispose]());

test("a retry asks for the next round of every failed delivery, and of no other", async () => {
  const { batchId } = await uploadedBatch(t.app);
  const leads = Array.from({ length: 601 }, () => ({ deliveries: [{ ...exhausted, round: 3 }] }));
  await webhooks.addLeads(batchId, [
    ...leads,
    { deliveries: [{ state: "no_endpoint", attempts: 0, round: 0 }] },
    { deliveries: [delivered, { state: "waiting" }, { state: "cancelled" }, { state: "sending" }] },
  ]);
  t.retries.length = 0;
  const url = `/webhook_retry/${batchId}`;
  const response = await t.app.inject({ method: "POST", url, headers: AUTH });
  assert.equal(response.statusCode, 202);
  assert.deepEqual(response.json(), { batch_id: batchId, requeued: 602 });
  const { rows } = await t.owner.query(
    `select delivery_id, round from delivery.deliveries
     where batch_id = $1 and state in ('exhausted', 'no_endpoint') order by delivery_id`,
    [uuidOfBatchId(batchId)],
  );
  const asked = t.retries.map(({ id, round }) => ({ delivery_id: id, round: round - 1 }));
  assert.deepEqual(
    asked.toSorted((a, b) => (a.delivery_id < b.delivery_id ? -1 : 1)),
    rows,
  );
  for (const event of t.retries) {
    webhookRetry.schema.parse(event);
    assert.equal(event.kind, 3);
    assert.equal(event.batch_id, batchId);
    assert.equal(event.tenant_id, DEFAULT_TENANT_ID);
  }
});

for (const [path, state, status] of [
  ["/webhook_retry/BATCH", "exhausted", "failed"],
  ["/deliveries/DELIVERY/resend", "no_endpoint", "failed"],
  ["/deliveries/DELIVERY/cancel", "held", "pending"],
  ["/batches/BATCH/cancel", "held", "pending"],
] as const) {
  test(`after ${path} whoever asks sees the counts of then, not those of a moment before`, async () => {
    const { batchId } = await uploadedBatch(t.app);
    await webhooks.addLeads(batchId, [{ deliveries: [{ state }] }]);
    assert.equal((await webhooks.statusPage(batchId)).counts[status], 1);
    const { rows } = await t.owner.query(
      "select delivery_id from delivery.deliveries where batch_id = $1",
      [uuidOfBatchId(batchId)],
    );
    const url = path.replace("BATCH", batchId).replace("DELIVERY", rows[0].delivery_id);
    const response = await t.app.inject({ method: "POST", url, headers: AUTH });
    assert.equal(response.statusCode, 202, response.body);
    await t.owner.query("update delivery.deliveries set state = 'delivered' where batch_id = $1", [
      uuidOfBatchId(batchId),
    ]);
    assert.equal((await webhooks.statusPage(batchId)).counts.sent, 1);
  });
}

test("a retry with nothing to do says so", async () => {
  const { batchId } = await uploadedBatch(t.app);
  await setRun(t.owner, uuidOfBatchId(batchId), { status: "completed" });
  const url = `/webhook_retry/${batchId}`;
  const response = await t.app.inject({ method: "POST", url, headers: AUTH });
  assert.deepEqual(response.json(), { batch_id: batchId, requeued: 0 });
});

test("nothing of a cancelled batch is sent again", async () => {
  const { batchId } = await uploadedBatch(t.app);
  await webhooks.addLeads(batchId, [{ deliveries: [exhausted] }]);
  await t.app.inject({ method: "POST", url: `/batches/${batchId}/cancel`, headers: AUTH });
  t.retries.length = 0;
  const url = `/webhook_retry/${batchId}`;
  const response = await t.app.inject({ method: "POST", url, headers: AUTH });
  assert.deepEqual([response.statusCode, codeOf(response)], [409, "BATCH_CANCELLED"]);
  assert.equal(t.retries.length, 0);
});

test("a retry without a broker is a 503", async () => {
  await using broken = await createTestApp({
    db: t.db,
    publishRetries: async () => Promise.reject(new Error("no acknowledgement")),
  });
  const { batchId } = await uploadedBatch(t.app);
  await webhooks.addLeads(batchId, [{ deliveries: [exhausted] }]);
  const url = `/webhook_retry/${batchId}`;
  const response = await broken.app.inject({ method: "POST", url, headers: AUTH });
  assert.deepEqual([response.statusCode, codeOf(response)], [503, "BROKER_UNAVAILABLE"]);
});
