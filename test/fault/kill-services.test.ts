import assert from "node:assert/strict";
import { test } from "node:test";

import { assertAllDelivered } from "../support/evidence.ts";
import { leadCsv } from "../support/lead-csv.ts";
import { announcedRows, untilAnnounced, untilArrived } from "../support/moments.ts";
import { startStack } from "../support/stack.ts";

const LEADS = 10_000;

// Goal: a file answered 202 is delivered whole, whatever process dies at whatever moment.
// Method: kill -9 of each service in turn, at several moments of one file, each restarted at once.
// What a killed process held comes back when its lease or its ack wait ends: 10 s for a batch, 15 s, and
// 45 s for the dispatcher.
test("kill -9 of each service while 10,000 leads are in flight loses, hastens and doubles nothing", async (t) => {
  await using stack = await startStack({ webhookDelay: "PT3S" });
  const { ingest, validator, scheduler, "webhook-dispatcher": dispatcher } = stack.services;

  const { batch_id: batchId } = await stack.api.upload(leadCsv({ valid: LEADS }));
  const ingestBack = ingest.restart();
  await untilAnnounced(stack, 1);
  await Promise.all([validator.kill9(), scheduler.kill9()]);
  const announced = await announcedRows(stack);
  assert(announced < LEADS, "the validator was killed in the middle of its work");
  await Promise.all([ingestBack, validator.start(), scheduler.start()]);
  await untilAnnounced(stack, announced + 1);
  await Promise.all([validator.restart(), ingest.restart()]);

  await untilArrived(stack, 500);
  await Promise.all([scheduler.restart(), dispatcher.restart()]);
  await untilArrived(stack, 4_500);
  await dispatcher.restart();
  await untilArrived(stack, 6_000);
  await scheduler.restart();

  await assertAllDelivered(stack, batchId, LEADS);
  t.diagnostic(`${stack.receiver.received.length - LEADS} repeats under the same webhook-id`);
});
