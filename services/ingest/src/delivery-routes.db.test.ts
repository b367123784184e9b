import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, test } from "node:test";

import { batchIdOfUuid } from "@valify/contracts";
import { DeliveryDetail, DeliveryPage } from "@valify/contracts/api";
import { ensurePartition } from "@valify/database";

import { DEFAULT_TENANT_ID } from "./bootstrap.ts";
import { addBatch, addDelivery, addEndpoint, addLeads } from "./delivery-fixture.ts";
import { AUTH, codeOf, createTestApp, OTHER_AUTH, type TestApp } from "./test-support.ts";

let t: TestApp;
before(async () => {
  t = await createTestApp();
});
after(() => t[Symbol.asyncDispose]());

const get = (url: string, headers = AUTH) => t.app.inject({ url, headers });
const resend = (deliveryId: string, headers = AUTH) =>
  t.app.inject({ method: "POST", url: `/deliveries/${deliveryId}/resend`, headers });
const cancel = (deliveryId: string, headers = AUTH) =>
  t.app.inject({ method: "POST", url: `/deliveries/${deliveryId}/cancel`, headers });

async function listAll(query: string, limit: number) {
  const found: string[] = [];
  let pages = 0;
  let cursor: string | null = "";
  while (cursor !== null) {
    const from: string = cursor === "" ? "" : `&cursor=${cursor}`;
    const response = await get(`/deliveries?limit=${limit}${query}${from}`);
    assert.equal(response.statusCode, 200, response.body);
    const page = DeliveryPage.parse(response.json());
    assert.ok(page.deliveries.length <= limit);
    found.push(...page.deliveries.map(({ delivery_id: id }) => id));
    cursor = page.next_cursor;
    pages += 1;
    assert.ok(pages < 100, "the pages come to an end");
  }
  return { found, pages };
}

test("every delivery is listed once, the newest batch first, whatever the size of a page", async () => {
  const batches: string[] = [];
  const expected: string[] = [];
  // More batches than one page looks through.
  for (let ageMinutes = 1; ageMinutes <= 47; ageMinutes += 1) {
    const batchUuid = await addBatch(t.owner, { ageMinutes });
    batches.push(batchUuid);
    const leads = Array.from({ length: 3 }, () => randomUUID()).toSorted();
    for (const leadUuid of leads)
      expected.push(await addDelivery(t.owner, { batchUuid, leadUuid }));
  }
  const mine = new Set(expected);
  for (const limit of [2, 7, 500]) {
    const { found } = await listAll("", limit);
    assert.deepEqual(
      found.filter((id) => mine.has(id)),
      expected,
    );
    assert.equal(new Set(found).size, found.length);
  }
  const [, second = ""] = batches;
  const { found } = await listAll(`&batch_id=${batchIdOfUuid(second)}`, 2);
  assert.deepEqual(found, expected.slice(3, 6));
});

test("the list is filtered by endpoint and by status, also where hits are rare", async () => {
  const endpointId = await addEndpoint(t.owner);
  const expected: string[] = [];
  for (let ageMinutes = 100; ageMinutes <= 160; ageMinutes += 30) {
    const batchUuid = await addBatch(t.owner, { ageMinutes });
    for (let i = 0; i < 25; i += 1) await addBatch(t.owner, { ageMinutes: ageMinutes + 1 });
    await addDelivery(t.owner, { batchUuid, endpointId, state: "delivered" });
    await addDelivery(t.owner, { batchUuid, state: "exhausted" });
    expected.push(await addDelivery(t.owner, { batchUuid, endpointId, state: "exhausted" }));
  }
  for (const status of ["failed", "exhausted"]) {
    const { found, pages } = await listAll(`&endpoint_id=${endpointId}&status=${status}`, 50);
    assert.deepEqual(found, expected);
    assert.ok(pages > 1, "a page looks through a bounded number of batches");
  }
});

test("a delivery that waits says what for and until when, in the list and by itself", async () => {
  const batchUuid = await addBatch(t.owner);
  const until = "2026-11-27T10:00:00.000Z";
  for (const waitReason of ["throttled", "rate", "full", "retry"]) {
    const deliveryId = await addDelivery(t.owner, { batchUuid, state: "waiting", waitReason });
    await t.owner.query(
      "update delivery.deliveries set next_attempt_at = $2 where delivery_id = $1",
      [deliveryId, until],
    );
    const page = DeliveryPage.parse(
      (await get(`/deliveries?batch_id=${batchIdOfUuid(batchUuid)}&limit=500`)).json(),
    );
    const listed = page.deliveries.find(({ delivery_id: id }) => id === deliveryId);
    const single = DeliveryDetail.parse((await get(`/deliveries/${deliveryId}`)).json());
    for (const view of [listed, single]) {
      assert.deepEqual(
        [view?.status, view?.wait_reason, view?.next_attempt_at],
        ["pending", waitReason, until],
      );
    }
  }
});

test("a test event is listed before all, without a batch or a lead", async () => {
  const endpointId = await addEndpoint(t.owner);
  const id = await addDelivery(t.owner, {
    batchUuid: DEFAULT_TENANT_ID,
    endpointId,
    state: "delivered",
  });
  const page = DeliveryPage.parse((await get("/deliveries?limit=1")).json());
  const [first] = page.deliveries;
  assert.equal(first?.delivery_id, id);
  assert.deepEqual([first?.batch_id, first?.lead_uuid], [null, null]);
  const refused = await resend(id);
  assert.deepEqual([refused.statusCode, codeOf(refused)], [409, "DELIVERY_NOT_RESENDABLE"]);
});

test("a delivery comes with its attempts, in pages, across days", async () => {
  const batchUuid = await addBatch(t.owner);
  const endpointId = await addEndpoint(t.owner);
  const id = await addDelivery(t.owner, { batchUuid, endpointId, state: "delivered" });
  for (let day = 0; day < 5; day += 1) {
    const from = new Date(Date.UTC(2026, 0, 1 + day));
    const to = new Date(Date.UTC(2026, 0, 2 + day));
    const name = `delivery.attempts_2026010${1 + day}`;
    await ensurePartition(t.ownerDb, { parent: "delivery.attempts", name, from, to });
    await t.owner.query(
      `insert into delivery.attempts (delivery_id, attempt, round, kind, tenant_id, endpoint_id,
         due_at, started_at, duration_ms, outcome, status_code, response_body, request_headers,
         remote_address, first_byte_ms)
       values ($1, $2, $2, $3, $4, $5, $6, $6, 12.5, 'http_5xx', 503, 'busy',
         '{"authorization":"********"}', '1.1.1.1', 10)`,
      [id, day + 1, day === 0 ? 0 : 1, DEFAULT_TENANT_ID, endpointId, from],
    );
  }
  const first = DeliveryDetail.parse((await get(`/deliveries/${id}?limit=3`)).json());
  assert.equal(first.webhook_id, `msg_${id.replaceAll("-", "")}`);
  assert.equal(first.batch_id, batchIdOfUuid(batchUuid));
  assert.deepEqual([first.status, first.state], ["sent", "delivered"]);
  const rest = DeliveryDetail.parse(
    (await get(`/deliveries/${id}?limit=3&cursor=${first.next_cursor}`)).json(),
  );
  assert.equal(rest.next_cursor, null);
  const log = [...first.attempt_log, ...rest.attempt_log];
  assert.deepEqual(
    log.map(({ attempt, trigger }) => [attempt, trigger]),
    [
      [1, "scheduled"],
      [2, "retry"],
      [3, "retry"],
      [4, "retry"],
      [5, "retry"],
    ],
  );
  const { status_code, response_body, remote_address, first_byte_ms, dns_ms } = log[0] ?? {};
  assert.deepEqual(
    [status_code, response_body, remote_address, first_byte_ms, dns_ms],
    [503, "busy", "1.1.1.1", 10, null],
  );
});

for (const [state, next] of [
  ["delivered", 4],
  ["exhausted", 4],
  ["waiting", 5],
  ["held", 5],
] as const) {
  test(`a ${state} delivery is sent again in round ${next} after round 3, asked once or twice`, async () => {
    const batchUuid = await addBatch(t.owner);
    const endpointId = await addEndpoint(t.owner);
    const id = await addDelivery(t.owner, { batchUuid, endpointId, state, round: 3 });
    t.retries.length = 0;
    for (let ask = 0; ask < 2; ask += 1) {
      const response = await resend(id);
      assert.equal(response.statusCode, 202, response.body);
      assert.deepEqual(response.json(), { delivery_id: id });
    }
    assert.deepEqual(
      t.retries.map((event) => [event.id, event.kind, event.round]),
      [
        [id, 3, next],
        [id, 3, next],
      ],
    );
    assert.equal(t.retries[0]?.batch_id, batchIdOfUuid(batchUuid));
  });
}

test("what is being sent, has no endpoint any more or was cancelled with its batch is not sent again", async () => {
  const batchUuid = await addBatch(t.owner);
  const endpointId = await addEndpoint(t.owner);
  const cancelled = await addBatch(t.owner, { cancelled: true });
  const [leadUuid = ""] = await addLeads(t.owner, batchUuid, 1);
  await t.owner.query("update validation.leads set erased_at = now() where lead_uuid = $1", [
    leadUuid,
  ]);
  for (const [seed, code] of [
    [{ batchUuid, endpointId, leadUuid, state: "delivered" }, "DELIVERY_NOT_RESENDABLE"],
    [{ batchUuid, endpointId, state: "sending" }, "DELIVERY_NOT_RESENDABLE"],
    [{ batchUuid, state: "exhausted" }, "DELIVERY_NOT_RESENDABLE"],
    [{ batchUuid: cancelled, endpointId }, "BATCH_CANCELLED"],
  ] as const) {
    const response = await resend(await addDelivery(t.owner, seed));
    assert.deepEqual([response.statusCode, codeOf(response)], [409, code]);
  }
});

test("what has not ended is cancelled, what has is not", async () => {
  const batchUuid = await addBatch(t.owner);
  const endpointId = await addEndpoint(t.owner);
  for (const state of ["waiting", "held", "sending"] as const) {
    const id = await addDelivery(t.owner, { batchUuid, endpointId, state });
    t.cancels.length = 0;
    const response = await cancel(id);
    assert.deepEqual([response.statusCode, response.json()], [202, { delivery_id: id }]);
    assert.deepEqual(
      t.cancels.map((event) => [event.delivery_id, event.tenant_id]),
      [[id, DEFAULT_TENANT_ID]],
    );
  }
  t.cancels.length = 0;
  for (const state of ["delivered", "exhausted", "cancelled", "no_endpoint"] as const) {
    const response = await cancel(await addDelivery(t.owner, { batchUuid, endpointId, state }));
    assert.deepEqual([response.statusCode, codeOf(response)], [409, "DELIVERY_NOT_CANCELLABLE"]);
  }
  assert.deepEqual(t.cancels, []);
});

test("another tenant's deliveries are not there", async () => {
  const batchUuid = await addBatch(t.owner);
  const id = await addDelivery(t.owner, { batchUuid, endpointId: await addEndpoint(t.owner) });
  for (const response of [
    await get(`/deliveries/${id}`, OTHER_AUTH),
    await resend(id, OTHER_AUTH),
    await cancel(id, OTHER_AUTH),
    await get("/deliveries/nonsense"),
  ]) {
    assert.deepEqual([response.statusCode, codeOf(response)], [404, "DELIVERY_NOT_FOUND"]);
  }
  const batch = batchIdOfUuid(batchUuid);
  for (const url of ["/deliveries", `/deliveries?batch_id=${batch}`]) {
    assert.deepEqual((await get(url, OTHER_AUTH)).json().deliveries, []);
  }
});

const refuse = async () => Promise.reject(new Error("no acknowledgement"));

test("a resend or a cancel without a broker is a 503", async () => {
  await using broken = await createTestApp({ publishRetries: refuse, publishCancel: refuse });
  const batchUuid = await addBatch(broken.owner);
  const endpointId = await addEndpoint(broken.owner);
  const id = await addDelivery(broken.owner, { batchUuid, endpointId, state: "waiting" });
  for (const action of ["resend", "cancel"]) {
    const url = `/deliveries/${id}/${action}`;
    const response = await broken.app.inject({ method: "POST", url, headers: AUTH });
    assert.deepEqual([response.statusCode, codeOf(response)], [503, "BROKER_UNAVAILABLE"]);
  }
});

test("refuses what is no cursor, no batch and no endpoint", async () => {
  for (const [query, status, code] of [
    ["cursor=nonsense", 400, "CURSOR_INVALID"],
    ["status=lost", 400, "REQUEST_INVALID"],
    ["limit=501", 400, "REQUEST_INVALID"],
    ["batch_id=nonsense", 404, "BATCH_NOT_FOUND"],
    ["endpoint_id=nonsense", 404, "ENDPOINT_NOT_FOUND"],
  ] as const) {
    const response = await get(`/deliveries?${query}`);
    assert.deepEqual([response.statusCode, codeOf(response)], [status, code], query);
  }
});
