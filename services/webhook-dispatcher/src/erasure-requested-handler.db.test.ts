import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, test } from "node:test";

import { batchIdOfUuid, type ErasureRequested, WakeUpKind } from "@valify/contracts";
import { sql } from "kysely";

import { claimDeliveries, findDeliveries } from "./delivery-queries.ts";
import { createErasureRequestedHandler } from "./erasure-requested-handler.ts";
import { loadLeads } from "./lead-queries.ts";
import { createOutcomeRecorder } from "./record-outcomes.ts";
import { createAttemptPartitions, type DeliveryRecord } from "./record-queries.ts";
import { createFixture, type DispatcherFixture, log } from "./test-fixture.ts";

let fixture: DispatcherFixture;
const told: object[] = [];
before(async () => {
  fixture = await createFixture();
  await createAttemptPartitions(fixture.db)(new Date());
});
after(() => fixture[Symbol.asyncDispose]());

/** Of a lead of its own, with an attempt whose answer quotes it. */
async function addDelivery(state: string, leaseSeconds = 0) {
  const ids = { deliveryId: randomUUID(), leadUuid: randomUUID() };
  await sql`
    insert into delivery.deliveries (delivery_id, lead_uuid, endpoint_id, tenant_id, batch_id, state,
      round, wake_kind, next_attempt_at, wait_reason, lease_until)
    values (${ids.deliveryId}, ${ids.leadUuid}, ${randomUUID()}, ${fixture.tenantId},
      ${fixture.batchId}, ${state}, 2, 1, now(), ${state === "waiting" ? "retry" : null},
      now() + ${leaseSeconds} * interval '1 second')`.execute(fixture.db);
  await sql`
    insert into delivery.attempts (delivery_id, attempt, round, kind, tenant_id, endpoint_id, due_at,
      started_at, duration_ms, outcome, response_body, response_headers)
    values (${ids.deliveryId}, 1, 1, 0, ${fixture.tenantId}, ${randomUUID()}, now(), now(), 1,
      'http_5xx', 'Zelka Vlorena', '{"x-name": "Zelka"}')`.execute(fixture.db);
  return ids;
}

function erase(leadUuids: readonly string[], tenantId = fixture.tenantId) {
  const event: ErasureRequested = {
    erasure_id: randomUUID(),
    tenant_id: tenantId,
    attempt: 1,
    requested_at: new Date().toISOString(),
    leads: leadUuids.map((leadUuid) => ({
      lead_uuid: leadUuid,
      batch_id: batchIdOfUuid(fixture.batchId),
      webhook_scheduled_for: new Date().toISOString(),
    })),
    tombstones: [],
  };
  const handle = createErasureRequestedHandler({
    db: fixture.db,
    bus: {
      async publish(_contract, cleared) {
        told.push(cleared);
        return { stream: "BATCH", seq: 1, duplicate: false };
      },
    },
    now: () => new Date(),
  });
  return handle(event);
}

async function stored({ deliveryId }: { readonly deliveryId: string }) {
  const { rows } = await sql<{ state: string; answer: string | null }>`
    select d.state, nullif(concat(a.response_body, a.response_headers), '') as answer
    from delivery.deliveries as d join delivery.attempts as a using (delivery_id)
    where delivery_id = ${deliveryId}`.execute(fixture.db);
  return rows[0];
}

test("what waits ends as erased, what ended well stays, and no answer is left of either", async () => {
  const ends = {
    waiting: "erased",
    held: "erased",
    exhausted: "erased",
    no_endpoint: "erased",
    delivered: "delivered",
    cancelled: "cancelled",
  };
  const deliveries = await Promise.all(Object.keys(ends).map((state) => addDelivery(state)));
  const other = await addDelivery("waiting");
  for (let ask = 0; ask < 2; ask += 1) {
    assert.equal(await erase(deliveries.map(({ leadUuid }) => leadUuid)), undefined);
    const states = await Promise.all(deliveries.map(stored));
    assert.deepEqual(
      states,
      Object.values(ends).map((state) => ({ state, answer: null })),
    );
  }
  assert.match(JSON.stringify(told.at(-1)), /"service":"webhook-dispatcher"/);
  const untouched = await stored(other);
  assert.equal(untouched?.state, "waiting");
  assert.match(untouched.answer ?? "", /Zelka/);
});

test("a request under way ends first; one whose dispatcher is dead does not keep it waiting", async () => {
  const [alive, dead] = [await addDelivery("sending", 45), await addDelivery("sending", -1)];
  const count = told.length;
  assert.equal((await erase([alive.leadUuid, dead.leadUuid]))?.kind, "later");
  assert.equal(told.length, count, "nothing is told before it is done");
  assert.equal((await stored(dead))?.state, "erased");
  await sql`update delivery.deliveries set state = 'delivered'
    where delivery_id = ${alive.deliveryId}`.execute(fixture.db);
  assert.equal(await erase([alive.leadUuid, dead.leadUuid]), undefined);
  assert.deepEqual(await stored(alive), { state: "delivered", answer: null });
});

test("a first request that may be under way, and leaves no row before it ends, is waited for a lease", async () => {
  const [due = "", later = ""] = await fixture.addLeads(2, await fixture.newBatch());
  await sql`update validation.leads set webhook_scheduled_for = now() + interval '1 day'
    where lead_uuid = ${later}`.execute(fixture.owner);
  assert.equal(await erase([later]), undefined);
  const count = told.length;
  for (let ask = 0; ask < 2; ask += 1) assert.equal((await erase([due]))?.kind, "later");
  assert.equal(told.length, count, "nothing is told before it is done");
  await sql`update delivery.erased_leads set erased_at = now() - interval '46 seconds'
    where lead_uuid = ${due}`.execute(fixture.db);
  assert.equal(await erase([due]), undefined);
});

test("nobody erases another tenant's", async () => {
  const delivery = await addDelivery("waiting");
  await erase([delivery.leadUuid], randomUUID());
  const untouched = await stored(delivery);
  assert.equal(untouched?.state, "waiting");
  assert.match(untouched.answer ?? "", /Zelka/);
});

test("an erased lead that is woken has nothing more to send", async () => {
  await fixture.addEndpoint();
  const [leadUuid = ""] = await fixture.addLeads(1, await fixture.newBatch());
  await sql`update validation.leads set erased_at = now() where lead_uuid = ${leadUuid}`.execute(
    fixture.owner,
  );
  assert.deepEqual(await loadedAs(leadUuid), { erased: true, cancelled: true });
});

test("nor has one whose erasure the validator has not come to yet", async () => {
  const [leadUuid = "", other = ""] = await fixture.addLeads(2, await fixture.newBatch());
  await erase([leadUuid]);
  assert.deepEqual(await loadedAs(leadUuid), { erased: true, cancelled: true });
  assert.deepEqual(await loadedAs(other), { erased: false, cancelled: false });
});

async function loadedAs(leadUuid: string) {
  const lead = (await loadLeads(fixture.db, [leadUuid])).get(leadUuid);
  assert.ok(lead);
  const { erased, cancelled } = lead;
  return { erased, cancelled };
}

// Erased while its request was under way: what the receiver says afterwards is not written down.
for (const [asked, state] of [
  ["delivered", "delivered"],
  ["exhausted", "erased"],
  ["waiting", "erased"],
] as const) {
  test(`a request that ends as ${asked} after the erasure is ${state}, without its answer`, async () => {
    const request = requestFor(randomUUID());
    await claimDeliveries(fixture.db, [request]);
    assert.equal((await erase([request.leadUuid]))?.kind, "later");
    await createOutcomeRecorder(fixture.db, log).record([recordOf(request, asked)]);
    assert.deepEqual(await stored(request), { state, answer: null });
    assert.equal(await erase([request.leadUuid]), undefined);
    assert.deepEqual(await stored(request), { state, answer: null });
  });
}

test("what was delivered before its erasure stays delivered when somebody sends it again", async () => {
  const request = requestFor(randomUUID());
  const recorder = createOutcomeRecorder(fixture.db, log);
  await claimDeliveries(fixture.db, [request]);
  await recorder.record([recordOf(request, "delivered")]);
  await erase([request.leadUuid]);
  const again = { ...request, round: 1, kind: WakeUpKind.manual };
  await claimDeliveries(fixture.db, [again]);
  await recorder.record([{ ...recordOf(again, "erased"), attempt: null }]);
  const found = await findDeliveries(fixture.db, [request.deliveryId]);
  assert.equal(found.get(request.deliveryId)?.state, "delivered");
});

function requestFor(deliveryId: string) {
  const { tenantId, batchId } = fixture;
  const ids = { deliveryId, leadUuid: randomUUID(), endpointId: randomUUID(), tenantId, batchId };
  return { ...ids, round: 0, kind: 0, dueAt: new Date().toISOString() };
}

function recordOf(
  request: ReturnType<typeof requestFor>,
  state: DeliveryRecord["state"],
): DeliveryRecord {
  const { dueAt, kind } = request;
  const startedAt = new Date();
  const unknown = { remoteAddress: null, dnsMs: null, connectMs: null, tlsMs: null };
  const headers = { requestHeaders: "{}", responseHeaders: '{"x-name": "Zelka"}' };
  const answer = { statusCode: 200, responseBody: "Zelka Vlorena", responseTruncated: false };
  const times = { kind, dueAt, startedAt, durationMs: 1, firstByteMs: 1, outcome: "delivered" };
  return {
    ...request,
    state,
    waitReason: state === "waiting" ? "retry" : null,
    wakeKind: kind,
    nextAttemptAt: null,
    attempts: 1,
    cycleAttempts: 1,
    dueSince: dueAt,
    lastAttemptAt: startedAt,
    lastStatusCode: 200,
    lastErrorClass: null,
    bodySha256: null,
    attempt: { ...times, ...unknown, ...headers, ...answer },
  };
}
