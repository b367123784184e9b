import assert from "node:assert/strict";
import { test } from "node:test";

import { batchUploaded } from "@valify/contracts";

import { countEvents } from "../support/event-reader.ts";
import { assertAllDelivered } from "../support/evidence.ts";
import { leadCsv } from "../support/lead-csv.ts";
import { startStack } from "../support/stack.ts";

const LEADS = 20;

// Goal: between the commit of an upload and its publication nothing can be lost.
// Method: NATS is away, so the event stays in the outbox; then the process that holds it is killed.
test("an upload accepted while NATS is away survives kill -9 of ingest", async () => {
  await using stack = await startStack({ webhookDelay: "PT1S" });
  const { ingest } = stack.services;

  await stack.nats.kill9();
  const { batch_id: batchId } = await stack.api.upload(leadCsv({ valid: LEADS }));
  assert.equal((await stack.api.batchStatus(batchId)).status, "pending");
  await ingest.kill9();
  const { rows } = await stack.db.query("select outbox_id from ingest.outbox");
  assert.equal(rows.length, 1, "the event waits in the outbox");

  await stack.nats.restart();
  assert.equal(await countEvents(stack.nats.url, batchUploaded), 0, "nothing was published");
  await ingest.start();
  await assertAllDelivered(stack, batchId, LEADS);
});
