import assert from "node:assert/strict";
import { test } from "node:test";

import { batchCompleted, batchUploaded, uuidOfBatchId } from "@valify/contracts";
import { UsageStatement } from "@valify/contracts/api";

import { countEvents, readEvents } from "../support/event-reader.ts";
import { publishAgain } from "../support/event-writer.ts";
import { leadCsv } from "../support/lead-csv.ts";
import { startStack, type Stack } from "../support/stack.ts";

const COUNTS = { valid: 6, invalid: 3, unparseable: 2 };
const CHARGED = [
  { kind: "charge", leads: 9 },
  { kind: "release", leads: 2 },
  { kind: "reserve", leads: 11 },
];

async function entriesOf({ db }: Stack, batchId: string) {
  const { rows } = await db.query(
    "select kind, leads from ingest.usage_entries where batch_id = $1 order by kind",
    [uuidOfBatchId(batchId)],
  );
  return rows;
}

async function untilCharged(stack: Stack, batchId: string): Promise<void> {
  await stack.waitFor(
    async () => (await entriesOf(stack, batchId)).length > 1,
    "the batch is charged",
    60_000,
  );
  assert.deepEqual(await entriesOf(stack, batchId), CHARGED);
}

// Goal: wherever ingest dies between a batch's end and the acknowledgement, it is charged once.
// Method: kill -9 before the event is read; in the transaction, which a lock of ours holds up; and
// after it, played by the same event published anew.
test("kill -9 of ingest at each step of the settlement charges a batch once", async () => {
  await using stack = await startStack({ webhookDelay: "PT1H" });
  const { ingest, validator } = stack.services;

  // Before: nobody is there to read the event.
  await validator.kill9();
  const { batch_id: first } = await stack.api.upload(leadCsv(COUNTS));
  await untilPublished(stack, batchUploaded);
  await ingest.kill9();
  await validator.start();
  await untilPublished(stack, batchCompleted);
  assert.deepEqual(await entriesOf(stack, first), [{ kind: "reserve", leads: 11 }]);
  await ingest.start();
  await untilCharged(stack, first);

  // Within: the settlement waits for a row that we have locked.
  const client = await stack.db.connect();
  const { batch_id: second } = await stack.api.upload(leadCsv({ ...COUNTS, from: 100 }));
  await client.query("begin");
  await client.query("select from ingest.batches where batch_id = $1 for update", [
    uuidOfBatchId(second),
  ]);
  await stack.waitFor(async () => {
    const { rowCount } = await stack.db.query(
      "select from pg_stat_activity where wait_event_type = 'Lock' and query like '%usage_settled_at%' and datname = current_database()",
    );
    return (rowCount ?? 0) > 0;
  }, "the settlement waits for the lock");
  await ingest.kill9();
  await client.query("rollback");
  client.release();
  await ingest.start();
  await untilCharged(stack, second);

  // After: what was not acknowledged comes again.
  for (const stored of await readEvents(stack.nats.url, batchCompleted)) {
    await publishAgain(stack.nats.url, batchCompleted.subject, stored);
  }
  const { batch_id: third } = await stack.api.upload(leadCsv({ ...COUNTS, from: 200 }));
  await untilCharged(stack, third);
  for (const batchId of [first, second]) assert.deepEqual(await entriesOf(stack, batchId), CHARGED);

  const usage = await (await stack.api.request("GET", "/usage")).json();
  const { leads_charged, leads_open } = UsageStatement.parse(usage);
  assert.deepEqual([leads_charged, leads_open], [27, 0]);
});

async function untilPublished(
  stack: Stack,
  event: { readonly stream: string; readonly subject: string },
): Promise<void> {
  await stack.waitFor(
    async () => (await countEvents(stack.nats.url, event)) > 0,
    `${event.subject} is published`,
    60_000,
  );
}
