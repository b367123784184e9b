import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, test } from "node:test";

import { batchIdOfUuid } from "@valify/contracts";

import { AUTH, codeOf, createTestApp, type TestApp, uploadedBatch } from "./test-support.ts";
import { delivered, exhausted, webhooksOf } from "./webhook-fixture.ts";

let t: TestApp;
let webhooks: ReturnType<typeof webhooksOf>;
before(async () => {
  t = await createTestApp();
  webhooks = webhooksOf(t);
});
after(() => t[Symbol.asyncDispose]());

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
    await webhooks.addLeads(batchId, [{ deliveries }]);
    const { leads, counts } = await webhooks.statusPage(batchId);
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
  await webhooks.addLeads(batchId, [{ deliveries: [] }, { deliveries: [delivered] }]);
  await t.app.inject({ method: "POST", url: `/batches/${batchId}/cancel`, headers: AUTH });
  const { counts } = await webhooks.statusPage(batchId);
  assert.deepEqual(counts, { pending: 0, sent: 1, failed: 0, cancelled: 1, erased: 0 });
});

test("an item tells attempts of all endpoints, the last success and the last error", async () => {
  const { batchId } = await uploadedBatch(t.app);
  const [leadUuid] = await webhooks.addLeads(batchId, [
    {
      deliveries: [
        { ...exhausted, lastAttemptAt: "2026-11-23T10:31:00Z" },
        { state: "waiting", error: "timeout_response", lastAttemptAt: "2026-11-23T10:30:00Z" },
        { ...delivered, attempts: 2 },
      ],
    },
  ]);
  const { batch_id, leads, next_cursor } = await webhooks.statusPage(batchId);
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
  await webhooks.addLeads(batchId, [{ deliveries: [{ state: "no_endpoint", attempts: 0 }] }]);
  const [lead] = (await webhooks.statusPage(batchId)).leads;
  assert.deepEqual([lead?.last_error, lead?.webhook_attempts], ["no_endpoint", 0]);
});

test("skipped rows do not appear, and invalid ones do", async () => {
  const { batchId } = await uploadedBatch(t.app);
  await webhooks.addLeads(batchId, [
    { deliveries: [] },
    { status: "skipped", deliveries: [] },
    { status: "invalid", deliveries: [] },
  ]);
  const { leads, counts } = await webhooks.statusPage(batchId);
  assert.deepEqual(
    leads.map(({ row }) => row),
    [1, 3],
  );
  assert.equal(counts.pending, 2);
});

test("pages through the rows in order, filtered, with the counts of the whole batch", async () => {
  const { batchId } = await uploadedBatch(t.app);
  await webhooks.addLeads(
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
      const page = await webhooks.statusPage(batchId, `?limit=2${filter}${from}`);
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

test("a batch without leads yet has counts of nothing, and one that is not there has none", async () => {
  const { batchId } = await uploadedBatch(t.app);
  const { counts, leads } = await webhooks.statusPage(batchId);
  assert.deepEqual(
    [leads, counts],
    [[], { pending: 0, sent: 0, failed: 0, cancelled: 0, erased: 0 }],
  );
  const url = `/webhook_status/${batchIdOfUuid(randomUUID())}`;
  const missing = await t.app.inject({ url, headers: AUTH });
  assert.deepEqual([missing.statusCode, codeOf(missing)], [404, "BATCH_NOT_FOUND"]);
});
