import assert from "node:assert/strict";
import { test } from "node:test";

import { assertAllDelivered } from "../support/evidence.ts";
import { leadCsv } from "../support/lead-csv.ts";
import {
  announcedRows,
  distinctWebhooks,
  untilAnnounced,
  untilArrived,
} from "../support/moments.ts";
import { startStack } from "../support/stack.ts";

const LEADS = 10_000;

// Goal: NATS or Postgres away, at any moment, needs no restart of a service and loses nothing.
// Method: each is killed with SIGKILL once while a file is validated and once while it is delivered,
// and comes back; the services go on as the processes they were.
test("services outlive kill -9 of NATS and of Postgres in mid-batch", async (t) => {
  await using stack = await startStack({ ownPostgres: true, webhookDelay: "PT3S" });
  const { nats, postgres, receiver } = stack;
  assert(postgres !== undefined);
  const pids = stack.processes.map(({ pid }) => pid);

  const { batch_id: batchId } = await stack.api.upload(leadCsv({ valid: LEADS }));
  await untilAnnounced(stack, 1);
  await nats.kill9();
  assert((await announcedRows(stack)) < LEADS, "NATS was killed during validation");
  await nats.restart();
  await untilAnnounced(stack, LEADS / 2);
  await postgres.kill9();
  await postgres.restart();
  await stack.waitFor(
    async () => (await announcedRows(stack)) < LEADS,
    "Postgres is back, and was killed during validation",
  );

  await untilArrived(stack, 1_000);
  await postgres.kill9();
  await postgres.restart();
  await untilArrived(stack, LEADS / 2);
  await nats.kill9();
  assert(distinctWebhooks(receiver.received) < LEADS, "NATS was killed during delivery");
  await nats.restart();

  await assertAllDelivered(stack, batchId, LEADS);
  assert.deepEqual(
    stack.processes.map(({ pid }) => pid),
    pids,
    "no service was restarted",
  );
  t.diagnostic(`${receiver.received.length - LEADS} repeats under the same webhook-id`);
});
