import assert from "node:assert/strict";
import { test } from "node:test";

import { assertAllDelivered } from "../support/evidence.ts";
import { leadCsv } from "../support/lead-csv.ts";
import { startStack } from "../support/stack.ts";

const LEADS = 600;

// Goal: replicas share the work and never do it twice.
// Method: two of every service that takes messages; every request is counted at the receiver.
test("with two replicas of each worker every webhook is one request", async () => {
  const replicas = { validator: 2, scheduler: 2, "webhook-dispatcher": 2 };
  await using stack = await startStack({ replicas, webhookDelay: "PT1S" });

  const { batch_id: batchId } = await stack.api.upload(leadCsv({ valid: LEADS }));
  await assertAllDelivered(stack, batchId, LEADS);

  assert.equal(stack.receiver.received.length, LEADS);
  const { rows } = await stack.db.query<{ attempts: number; deliveries: number }>(
    `select (select count(*)::int from delivery.attempts) as attempts,
      (select count(*)::int from delivery.deliveries where attempts = 1) as deliveries`,
  );
  assert.deepEqual(rows, [{ attempts: LEADS, deliveries: LEADS }]);
});
