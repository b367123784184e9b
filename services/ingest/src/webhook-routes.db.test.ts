import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, test } from "node:test";

import { batchIdOfUuid, uuidOfBatchId, webhookRetry } from "@valify/contracts";
import type { WebhookStatusPage } from "@valify/contracts/api";

import { DEFAULT_TENANT_ID } from "./bootstrap.ts";
import {
  AUTH,
  codeOf,
  createTestApp,
  setRun,
  type TestApp,
  uploadedBatch,
} from "./test-support.ts";

let t: TestApp;
before(async () => {
  t = await createTestApp();
});
after(() => t[Symbol.asyncDispose]());

interface Delivery {
  readonly state: string;
  readonly attempts?: number;
  readonly error?: string;
  readonly lastAttemptAt?: string;
  readonly deliveredAt?: string;
  readonly round?: number;
}

/** Plays the validator and the dispatcher: one lead per entry, with its deliveries. */
async function addLeads(
  batchId: string,
  leads: readonly { readonly status?: string; readonly deliveries: readonly Delivery[] }[],
): Promise<readonly string[]> {
  const batchUuid = uuidOfBatchId(batchId);
  const leadUuids: string[] = [];
  for (const [index, { status = "valid", deliveries }] of leads.entries()) {
    const leadUuid = randomUUID();
    leadUuids.push(leadUuid);
    await t.owner.query(
      `insert into validation.leads values ($1, $2, $3, $3, $4, 'ada.quillfeather.15031990', 1,
         'Ada', 'Quillfeather', '15/03/1990', null, $5, '[]', '[]', now(),
         '2026-11-23T10:00:00Z')`,
      [leadUuid, batchUuid, index + 1, DEFAULT_TENANT_ID, status],
    );
    for (const delivery of deliveries) await addDelivery(batchUuid, leadUuid, delivery);
  }
  return leadUuids;
}

async function addDelivery(batchUuid: string, leadUuid: string, delivery: Delivery) {
  const { state, attempts = 1, error, lastAttemptAt, deliveredAt, round = 0 } = delivery;
  await t.owner.query(
    `insert into delivery.deliveries (delivery_id, lead_uuid, endpoint_id, tenant_id, batch_id,
       state, round, wake_kind, attempts, last_attempt_at, delivered_at, last_error_class)
     values ($1, $2, $3, $4, $5, $6, $7, 0, $8, $9, $10, $11)`,
    [
      randomUUID(),
      leadUuid,
      randomUUID(),
      DEFAULT_TENANT_ID,
      batchUuid,
      state,
      round,
      attempts,
      lastAttemptAt ?? null,
      deliveredAt ?? null,
      error ?? null,
    ],
  );
}

async function statusPage(batchId: string, query = ""): Promise<WebhookStatusPage> {
  const url = `/webhook_status/${batchId}${query}`;
  const response = await t.app.inject({ url, headers: AUTH });
  assert.equal(response.statusCode, 200, response.body);
  return response.json();
}

const delivered = { state: "delivered", deliveredAt: "2026-11-23T10:00:01Z" };
const exhausted = { state: "exhausted", error: "http_5xx", attempts: 4 };
const cases = [
  ["a lead without a delivery yet", [], "pending"],
  ["a delivery under way", [{ state: "sending" }], "pending"],
  ["a delivery that waits for its retry", [{ state: "waiting", error: "timeout" }], "pending"],
  ["a delivery that arrived", [delivered], "sent"],
  ["deliveries that all arrived", [delivered, delivered], "sent"],
  ["one of two that arrived", [delivered, { state: "waiting" }], "pending"],
  ["one of two that is exhausted", [delivered, exhausted], "failed"],
  ["no endpoint to send to", [{ state: "no_endpoint", attempts: 0 }], "failed"],
  ["a delivery that was cancelled", [{ state: "cancelled" }], "cancelled"],
  ["one cancelled beside one that arrived", [delivered, { state: "cancelled" }], "cancelled"],
  ["a delivery that ended as erased", [{ state: "erased" }], "erased"],
  ["one erased beside one that arrived", [delivered, { state: "erased" }], "erased"],
  ["one cancelled beside one exhausted", [exhausted, { state: "cancelled" }], "failed"],
] as const;

for (const [what, deliveries, status] of cases) {
  test(`${what} counts as ${status}, in the list and in the counts`, async () => {
    const { batchId } = await uploadedBatch(t.app);
    await addLeads(batchId, [{ deliveries }]);
    const { leads, counts } = await statusPage(batchId);
    assert.deepEqual(
      leads.map(({ webhook_status }) => webhook_status),
      [status],
    );
    assert.deepEqual(counts, {
      pending: 0,
      sent: 0,
      failed: 0,
      cancelled: 0,
      erased: 0,
      [status]: 1,
    });
  });
}

test("a lead of a cancelled batch that was never tried is cancelled", async () => {
  const { batchId } = await uploadedBatch(t.app);
  await addLeads(batchId, [{ deliveries: [] }, { deliveries: [delivered] }]);
  await t.app.inject({ method: "POST", url: `/batches/${batchId}/cancel`, headers: AUTH });
  const { counts } = await statusPage(batchId);
  assert.deepEqual(counts, { pending: 0, sent: 1, failed: 0, cancelled: 1, erased: 0 });
});

test("an item tells attempts of all endpoints, the last success and the last error", async () => {
  const { batchId } = await uploadedBatch(t.app);
  const [leadUuid] = await addLeads(batchId, [
    {
      deliveries: [
        { ...exhausted, lastAttemptAt: "2026-11-23T10:31:00Z" },
        { state: "waiting", error: "timeout_response", lastAttemptAt: "2026-11-23T10:30:00Z" },
        { ...delivered, attempts: 2 },
      ],
    },
  ]);
  const { batch_id, leads, next_cursor } = await statusPage(batchId);
  assert.equal(batch_id, batchId);
  assert.equal(next_cursor, null);
  assert.deepEqual(leads, [
    {
      id: "ada.quillfeather.15031990",
      lead_uuid: leadUuid,
      row: 1,
      webhook_status: "failed",
      webhook_attempts: 7,
      webhook_scheduled_at: "2026-11-23T10:00:00.000Z",
      webhook_sent_at: "2026-11-23T10:00:01.000Z",
      last_error: "http_5xx",
    },
  ]);
});

test("a lead without an endpoint says so, though it never had an attempt", async () => {
  const { batchId } = await uploadedBatch(t.app);
  await addLeads(batchId, [{ deliveries: [{ state: "no_endpoint", attempts: 0 }] }]);
  const [lead] = (await statusPage(batchId)).leads;
  assert.deepEqual([lead?.last_error, lead?.webhook_attempts], ["no_endpoint", 0]);
});

test("skipped rows do not appear, and invalid ones do", async () => {
  const { batchId } = await uploadedBatch(t.app);
  await addLeads(batchId, [
    { deliveries: [] },
    { status: "skipped", deliveries: [] },
    { status: "invalid", deliveries: [] },
  ]);
  const { leads, counts } = await statusPage(batchId);
  assert.deepEqual(
    leads.map(({ row }) => row),
    [1, 3],
  );
  assert.equal(counts.pending, 2);
});

test("pages through the rows in order, filtered, with the counts of the whole batch", async () => {
  const { batchId } = await uploadedBatch(t.app);
  await addLeads(
    batchId,
    Array.from({ length: 10 }, (_, index) => ({
      deliveries: [(index + 1) % 3 === 0 ? exhausted : delivered],
    })),
  );
  for (const [filter, expected] of [
    ["", [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]],
    ["&status=failed", [3, 6, 9]],
    ["&status=sent", [1, 2, 4, 5, 7, 8, 10]],
    ["&status=pending", []],
  ] as const) {
    const rows: number[] = [];
    let cursor: string | null = "";
    while (cursor !== null) {
      const from: string = cursor === "" ? "" : `&cursor=${cursor}`;
      const page = await statusPage(batchId, `?limit=2${filter}${from}`);
      assert.ok(page.leads.length <= 2);
      assert.deepEqual(page.counts, { pending: 0, sent: 7, failed: 3, cancelled: 0, erased: 0 });
      rows.push(...page.leads.map(({ row }) => row));
      cursor = page.next_cursor;
    }
    assert.deepEqual(rows, expected);
  }
});

for (const [query, code] of [
  ["limit=1001", "REQUEST_INVALID"],
  ["limit=0", "REQUEST_INVALID"],
  ["status=lost", "REQUEST_INVALID"],
  ["cursor=nonsense", "CURSOR_INVALID"],
] as const) {
  test(`refuses ${query}`, async () => {
    const { batchId } = await uploadedBatch(t.app);
    const url = `/webhook_status/${batchId}?${query}`;
    const response = await t.app.inject({ url, headers: AUTH });
    assert.deepEqual([response.statusCode, codeOf(response)], [400, code]);
  });
}

test("a retry asks for the next round of every failed delivery, and of no other", async () => {
  const { batchId } = await uploadedBatch(t.app);
  const leads = Array.from({ length: 601 }, () => ({ deliveries: [{ ...exhausted, round: 3 }] }));
  await addLeads(batchId, [
    ...leads,
    { deliveries: [{ state: "no_endpoint", attempts: 0, round: 0 }] },
    { deliveries: [delivered, { state: "waiting" }, { state: "cancelled" }, { state: "sending" }] },
  ]);
  t.retries.length = 0;
  const url = `/webhook_retry/${batchId}`;
  const response = await t.app.inject({ method: "POST", url, headers: AUTH });
  assert.equal(response.statusCode, 202);
  assert.deepEqual(response.json(), { batch_id: batchId, requeued: 602 });
  const { rows } = await t.owner.query(
    `select delivery_id, round from delivery.deliveries
     where batch_id = $1 and state in ('exhausted', 'no_endpoint') order by delivery_id`,
    [uuidOfBatchId(batchId)],
  );
  const asked = t.retries.map(({ id, round }) => ({ delivery_id: id, round: round - 1 }));
  assert.deepEqual(
    asked.toSorted((a, b) => (a.delivery_id < b.delivery_id ? -1 : 1)),
    rows,
  );
  for (const event of t.retries) {
    webhookRetry.schema.parse(event);
    assert.equal(event.kind, 3);
    assert.equal(event.batch_id, batchId);
    assert.equal(event.tenant_id, DEFAULT_TENANT_ID);
  }
});

for (const [path, state, status] of [
  ["/webhook_retry/BATCH", "exhausted", "failed"],
  ["/deliveries/DELIVERY/resend", "no_endpoint", "failed"],
  ["/deliveries/DELIVERY/cancel", "held", "pending"],
  ["/batches/BATCH/cancel", "held", "pending"],
] as const) {
  test(`after ${path} whoever asks sees the counts of then, not those of a moment before`, async () => {
    const { batchId } = await uploadedBatch(t.app);
    await addLeads(batchId, [{ deliveries: [{ state }] }]);
    assert.equal((await statusPage(batchId)).counts[status], 1);
    const { rows } = await t.owner.query(
      "select delivery_id from delivery.deliveries where batch_id = $1",
      [uuidOfBatchId(batchId)],
    );
    const url = path.replace("BATCH", batchId).replace("DELIVERY", rows[0].delivery_id);
    const response = await t.app.inject({ method: "POST", url, headers: AUTH });
    assert.equal(response.statusCode, 202, response.body);
    await t.owner.query("update delivery.deliveries set state = 'delivered' where batch_id = $1", [
      uuidOfBatchId(batchId),
    ]);
    assert.equal((await statusPage(batchId)).counts.sent, 1);
  });
}

test("a batch without leads yet has counts of nothing, and one that is not there has none", async () => {
  const { batchId } = await uploadedBatch(t.app);
  const { counts, leads } = await statusPage(batchId);
  assert.deepEqual(
    [leads, counts],
    [[], { pending: 0, sent: 0, failed: 0, cancelled: 0, erased: 0 }],
  );
  const url = `/webhook_status/${batchIdOfUuid(randomUUID())}`;
  const missing = await t.app.inject({ url, headers: AUTH });
  assert.deepEqual([missing.statusCode, codeOf(missing)], [404, "BATCH_NOT_FOUND"]);
});

test("a retry with nothing to do says so", async () => {
  const { batchId } = await uploadedBatch(t.app);
  await setRun(t.owner, uuidOfBatchId(batchId), { status: "completed" });
  const url = `/webhook_retry/${batchId}`;
  const response = await t.app.inject({ method: "POST", url, headers: AUTH });
  assert.deepEqual(response.json(), { batch_id: batchId, requeued: 0 });
});

test("nothing of a cancelled batch is sent again", async () => {
  const { batchId } = await uploadedBatch(t.app);
  await addLeads(batchId, [{ deliveries: [exhausted] }]);
  await t.app.inject({ method: "POST", url: `/batches/${batchId}/cancel`, headers: AUTH });
  t.retries.length = 0;
  const url = `/webhook_retry/${batchId}`;
  const response = await t.app.inject({ method: "POST", url, headers: AUTH });
  assert.deepEqual([response.statusCode, codeOf(response)], [409, "BATCH_CANCELLED"]);
  assert.equal(t.retries.length, 0);
});

test("a retry without a broker is a 503", async () => {
  await using broken = await createTestApp({
    db: t.db,
    publishRetries: async () => Promise.reject(new Error("no acknowledgement")),
  });
  const { batchId } = await uploadedBatch(t.app);
  await addLeads(batchId, [{ deliveries: [exhausted] }]);
  const url = `/webhook_retry/${batchId}`;
  const response = await broken.app.inject({ method: "POST", url, headers: AUTH });
  assert.deepEqual([response.statusCode, codeOf(response)], [503, "BROKER_UNAVAILABLE"]);
});
