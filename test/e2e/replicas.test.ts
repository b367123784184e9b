import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";

import { assertAllDelivered } from "../support/evidence.ts";
import { leadCsv } from "../support/lead-csv.ts";
import { type Stack, startStack } from "../support/stack.ts";

const LEADS = 600;
/** Requests at a time: four of one dispatcher, three of the other. */
const LIMIT = 7;
const LIMITED_LEADS = 140;
const ANSWER_MS = 25;

// Goal: replicas share the work and never do it twice, and an endpoint's limit is one for all of them.
// Method: two of every service that takes messages; every request is counted at the receiver, then how
// many are there at a time.
test("with two replicas of each worker every webhook is one request, within one limit", async () => {
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

  const most = await mostAtATime(stack);
  assert.ok(most <= LIMIT, `${most} requests at a time`);
  assert.ok(most > Math.ceil(LIMIT / 2), `${most} at a time are of one dispatcher alone`);
});

/** How many requests the endpoint sees at a time at most, once it is limited. */
async function mostAtATime(stack: Stack): Promise<number> {
  await stack.waitFor(() => dispatchersAgree(stack), "the dispatchers know of each other");
  await stack.db.query("update ingest.endpoints set concurrency = $1", [LIMIT]);
  let atATime = 0;
  let most = 0;
  stack.receiver.respondWith(async () => {
    atATime += 1;
    most = Math.max(most, atATime);
    await pause(ANSWER_MS); // it is this slow
    atATime -= 1;
    return 200;
  });
  const file = leadCsv({ valid: LIMITED_LEADS, from: LEADS });
  const { batch_id: batchId } = await stack.api.upload(file);
  const isDone = async () => (await stack.api.webhookCounts(batchId)).sent === LIMITED_LEADS;
  await stack.waitFor(isDone, "all that is limited is sent");
  return most;
}

async function dispatchersAgree({ processes }: Stack): Promise<boolean> {
  const dispatchers = processes.filter(({ name }) => name === "webhook-dispatcher");
  const pages = dispatchers.map(async ({ port }) => {
    const response = await fetch(`http://127.0.0.1:${port}/metrics`);
    return response.text();
  });
  const expected = new RegExp(`^valify_webhook_dispatchers ${dispatchers.length}$`, "m");
  return (await Promise.all(pages)).every((page) => expected.test(page));
}
