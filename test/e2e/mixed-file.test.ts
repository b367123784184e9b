import assert from "node:assert/strict";
import { test } from "node:test";

import { leadValidated } from "@valify/contracts";

import { readEvents } from "../support/event-reader.ts";
import { leadCsv } from "../support/lead-csv.ts";
import { startStack } from "../support/stack.ts";

const VALID = 12;
const INVALID = 7;
const UNPARSEABLE = 5;
const TOTAL = VALID + INVALID + UNPARSEABLE;

// Goal: a row that is wrong, or no lead at all, costs no other row, and every row is accounted for.
// Method: one file with all three kinds mixed; the counts of every public face must agree.
test("valid, invalid and unparseable rows add up everywhere", async () => {
  await using stack = await startStack({ webhookDelay: "PT1S" });
  const { api, receiver, nats } = stack;

  const csv = leadCsv({ valid: VALID, invalid: INVALID, unparseable: UNPARSEABLE });
  const { batch_id: batchId, total_leads: total } = await api.upload(csv);
  assert.equal(total, TOTAL);
  const status = await stack.waitForStatus(batchId, "completed");
  assert.deepEqual(
    [status.processed_leads, status.valid_leads, status.invalid_leads, status.skipped_rows],
    [TOTAL, VALID, INVALID, UNPARSEABLE],
  );

  const notified = VALID + INVALID;
  await stack.waitFor(
    async () => (await api.webhookCounts(batchId)).sent === notified,
    "all webhooks are sent",
  );
  const { leads } = await api.webhookStatus(batchId);
  assert.equal(leads.length, notified, "a skipped row has no webhook");
  assert.equal(receiver.received.length, notified);
  const bodies = receiver.received.map(({ body }) => body);
  const invalid = bodies.filter((body) => body.validation_status === "invalid");
  assert.equal(invalid.length, INVALID, "invalid leads are notified too");
  assert(
    invalid.every(({ errors }) => errors.length > 0),
    "and say what is wrong",
  );
  assert.equal((await readEvents(nats.url, leadValidated)).length, notified);

  const rows = (await api.results(batchId)).trimEnd().split("\r\n").slice(1);
  assert.equal(rows.length, TOTAL);
  const countOf = (word: string) => rows.filter((row) => row.split(",").includes(word)).length;
  assert.deepEqual(
    [countOf("valid"), countOf("invalid"), countOf("skipped")],
    [VALID, INVALID, UNPARSEABLE],
  );
  assert.equal(rows.filter((row) => row.includes("ROW_TOO_FEW_CELLS")).length, UNPARSEABLE);
  assert(
    rows.every((row, index) => row.split(",")[3] === String(index + 1)),
    "the order of the file is kept",
  );
});
