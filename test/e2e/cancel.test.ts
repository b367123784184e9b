import assert from "node:assert/strict";
import { test } from "node:test";

import { batchCompleted, leadValidated } from "@valify/contracts";
import { Problem } from "@valify/contracts/api";

import { countEvents } from "../support/event-reader.ts";
import { leadCsv, leadLine } from "../support/lead-csv.ts";
import { untilAnnounced } from "../support/moments.ts";
import { startStack } from "../support/stack.ts";

// Goal: what is cancelled before its time is never sent.
// Method: a second batch, due later, shows that the time of the first one has come and gone.
test("a batch cancelled before its webhooks are due sends nothing", async () => {
  await using stack = await startStack({ webhookDelay: "PT5S" });
  const { api, db, receiver } = stack;

  const cancelled = await api.upload(leadCsv({ valid: 5 }));
  await stack.waitForStatus(cancelled.batch_id, "completed");
  await stack.waitFor(async () => (await dueRows()) === 5, "the webhooks are scheduled");
  await api.cancel(cancelled.batch_id);
  assert.equal(receiver.received.length, 0, "it is cancelled in time");

  const later = await api.upload(`first_name,last_name,dob\n${leadLine(77)}\n`);
  await stack.waitFor(
    async () => (await api.webhookCounts(later.batch_id)).sent === 1,
    "the later batch is delivered",
  );
  await stack.waitFor(async () => (await dueRows()) === 0, "no wake-up is left");

  assert.deepEqual(
    receiver.received.map(({ body }) => body.batch_id),
    [later.batch_id],
  );
  const status = await api.batchStatus(cancelled.batch_id);
  assert.equal(status.status, "cancelled");
  const counts = await api.webhookCounts(cancelled.batch_id);
  assert.deepEqual(counts, { pending: 0, sent: 0, failed: 0, cancelled: 5, erased: 0 });
  const replay = await api.request("POST", `/webhook_retry/${cancelled.batch_id}`);
  assert.equal(replay.status, 409, "a replay does not undo it");
  assert.equal(Problem.parse(await replay.json()).code, "BATCH_CANCELLED");

  async function dueRows(): Promise<number> {
    const { rows } = await db.query<{ count: number }>(
      "select count(*)::int as count from scheduling.due",
    );
    return rows[0]?.count ?? 0;
  }
});

// Goal: validation of a cancelled batch stops, and nothing of it is told or sent afterwards.
// Method: a full file, cancelled once its first rows are announced. Its place in the validator's queue is
// given up by whoever worked on it, so an empty queue shows that the work has stopped.
test("a batch cancelled while it is validated stops, and none of its webhooks is sent", async (t) => {
  await using stack = await startStack({ webhookDelay: "PT4S" });
  const { api, db, receiver } = stack;
  const rowCount = 10_000;

  const { batch_id: batchId } = await api.upload(leadCsv({ valid: rowCount }));
  await untilAnnounced(stack, 1);
  const cancelledMs = performance.now();
  await api.cancel(batchId);
  assert.equal((await api.batchStatus(batchId)).status, "cancelled");
  await stack.waitFor(async () => {
    const { rows } = await db.query("select from validation.queue");
    return rows.length === 0;
  }, "the validator has stopped");
  t.diagnostic(`stopped ${Math.round(performance.now() - cancelledMs)} ms after the cancellation`);
  const announced = await countEvents(stack.nats.url, leadValidated);
  assert.ok(announced < rowCount, "it was cancelled in the middle of its work");

  const later = await api.upload(`first_name,last_name,dob\n${leadLine(77)}\n`);
  await stack.waitFor(
    async () => (await api.webhookCounts(later.batch_id)).sent === 1,
    "the later batch is delivered",
  );
  assert.equal(await countEvents(stack.nats.url, batchCompleted), 1, "the later one's alone");
  assert.equal(await countEvents(stack.nats.url, leadValidated), announced + 1);
  assert.ok(receiver.received.every(({ body }) => body.batch_id === later.batch_id));
});
