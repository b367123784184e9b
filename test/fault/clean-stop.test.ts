import assert from "node:assert/strict";
import { test } from "node:test";

import { assertAllDelivered } from "../support/evidence.ts";
import { leadCsv } from "../support/lead-csv.ts";
import { untilAnnounced, untilArrived } from "../support/moments.ts";
import { startStack } from "../support/stack.ts";

const LEADS = 6_000;

// Goal: a deployment under load is no event: each process ends by itself, in time, with exit code 0.
// Method: SIGTERM to each service while a file is in its hands; then it is started again.
test("each service stops cleanly on SIGTERM under load, loses and repeats nothing", async () => {
  await using stack = await startStack({ webhookDelay: "PT2S" });
  const { ingest, validator, scheduler, "webhook-dispatcher": dispatcher } = stack.services;

  const { batch_id: batchId } = await stack.api.upload(leadCsv({ valid: LEADS }));
  assert.equal(await ingest.stop(), 0);
  await untilAnnounced(stack, 1);
  assert.deepEqual(await Promise.all([validator.stop(), scheduler.stop()]), [0, 0]);
  await Promise.all([ingest.start(), validator.start(), scheduler.start()]);

  await untilArrived(stack, 300);
  assert.deepEqual(await Promise.all([scheduler.stop(), dispatcher.stop()]), [0, 0]);
  await Promise.all([scheduler.start(), dispatcher.start()]);
  await assertAllDelivered(stack, batchId, LEADS);
  assert.equal(stack.receiver.received.length, LEADS, "a clean stop sends nothing twice");
});
