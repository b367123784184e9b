import assert from "node:assert/strict";
import { test } from "node:test";

import { batchCompleted, leadValidated, webhookDelivered } from "@valify/contracts";

import { assertNothingEarly } from "../support/evidence.ts";
import { untilStored } from "../support/moments.ts";
import { startStack } from "../support/stack.ts";

const CSV = `first_name,last_name,dob
Zelkira,Vlorenne,15/03/1990
Zelkan,O'Vloren,29/02/2000
Zelkine,Vloren-Vlorec,01/12/1957
`;
const LEAD_IDS = [
  "zelkira.vlorenne.15031990",
  "zelkan.ovloren.29022000",
  "zelkine.vloren-vlorec.01121957",
];
/** Fixed: existing receivers rely on them. */
const FIRST_EIGHT = [
  "id",
  "first_name",
  "last_name",
  "dob",
  "validation_status",
  "validation_timestamp",
  "batch_id",
  "webhook_scheduled_for",
];
const ADDITIONS = ["lead_uuid", "row", "errors", "warnings"];

// Goal: the promise of the product, once, in every shape that somebody outside relies on.
// Method: three leads through the real services; then each public face is compared with the others.
test("three leads are validated, announced, and delivered signed and on time", async () => {
  await using stack = await startStack({ webhookDelay: "PT2S" });
  const { api, receiver } = stack;

  const upload = await api.upload(CSV, { filename: "leads of May.csv" });
  assert.equal(upload.total_leads, 3);
  assert.equal(upload.filename, "leads of May.csv");
  assert.deepEqual(upload.warnings, []);
  const batchId = upload.batch_id;

  const status = await stack.waitForStatus(batchId, "completed");
  assert.deepEqual(
    [status.total_leads, status.processed_leads, status.valid_leads, status.invalid_leads],
    [3, 3, 3, 0],
  );
  assert.equal(status.skipped_rows, 0);
  assert.equal(status.error, null);
  assert.notEqual(status.completed_at, null);

  await stack.waitFor(async () => (await api.webhookCounts(batchId)).sent === 3, "3 webhooks sent");
  assert.equal(receiver.received.length, 3, "one request per lead");
  await assertNothingEarly(stack);
  const webhooks = receiver.received.toSorted((a, b) => a.body.row - b.body.row);
  assert.deepEqual(
    webhooks.map(({ body }) => body.id),
    LEAD_IDS,
  );

  const announced = await untilStored(stack, leadValidated, 3);
  assert.equal(announced.length, 3);
  for (const [index, webhook] of webhooks.entries()) {
    assert(webhook.verified, "the official library accepts the signature");
    assert.match(webhook.id, /^msg_[0-9a-f]{32}$/);
    assert.equal(webhook.headers["content-type"], "application/json");
    const keys = Object.keys(JSON.parse(webhook.rawBody));
    assert.deepEqual(keys, [...FIRST_EIGHT, ...ADDITIONS]);

    const { body } = webhook;
    assert.equal(body.validation_status, "valid");
    assert.equal(body.batch_id, batchId);
    assert.equal(body.row, index + 1);
    const delayMs = Date.parse(body.webhook_scheduled_for) - Date.parse(body.validation_timestamp);
    assert.equal(delayMs, 2_000);

    const found = announced.find(({ event }) => event.lead_uuid === body.lead_uuid);
    assert(found !== undefined, "every delivered lead was announced");
    const wire: unknown = JSON.parse(found.rawBody);
    const { tenant_id: tenantId, validator_version: version } = found.event;
    assert.deepEqual(wire, { ...body, tenant_id: tenantId, validator_version: version });
    assert.equal(found.headers["Nats-Msg-Id"], found.headers["ce-id"]);
    assert.equal(found.headers["ce-specversion"], "1.0");
    assert.equal(found.headers["ce-type"], "com.valify.lead.validated.v1");
    const headers = JSON.stringify([found.headers, webhook.headers]);
    assert.doesNotMatch(headers, /zelk|vloren/i, "no name travels in a header");
  }

  const completed = await untilStored(stack, batchCompleted, 1);
  assert.deepEqual(
    completed.map(({ event }) => [event.batch_id, event.total_leads, event.valid_leads]),
    [[batchId, 3, 3]],
  );
  const delivered = await untilStored(stack, webhookDelivered, 3);
  assert.deepEqual(
    delivered.map(({ event }) => event.lead_uuid).toSorted(),
    webhooks.map(({ body }) => body.lead_uuid).toSorted(),
  );

  const { leads, counts } = await api.webhookStatus(batchId);
  assert.deepEqual(counts, { pending: 0, sent: 3, failed: 0, cancelled: 0, erased: 0 });
  assert.deepEqual(
    leads.map((lead) => [lead.row, lead.id, lead.webhook_status, lead.webhook_attempts]),
    LEAD_IDS.map((id, index) => [index + 1, id, "sent", 1]),
  );

  const [header, ...rows] = (await api.results(batchId)).trimEnd().split("\r\n");
  assert.match(header ?? "", /^\ufefffirst_name,last_name,dob,row_number,lead_id,status,/);
  assert.deepEqual(
    rows.map((row) => row.split(",").slice(3, 6)),
    LEAD_IDS.map((id, index) => [String(index + 1), id, "valid"]),
  );
});
