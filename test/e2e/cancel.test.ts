import assert from "node:assert/strict";
import { test } from "node:test";

import { Problem } from "@valify/contracts/api";

import { leadCsv, leadLine } from "../support/lead-csv.ts";
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
  assert.deepEqual(counts, { pending: 0, sent: 0, failed: 0, cancelled: 5 });
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
