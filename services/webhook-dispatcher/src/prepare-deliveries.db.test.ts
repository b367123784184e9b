import assert from "node:assert/strict";
import { hash } from "node:crypto";
import { after, before, test } from "node:test";

import { batchIdOfUuid, WakeUpKind, type WebhookDue } from "@valify/contracts";
import { sql } from "kysely";

import { cancelWaiting, findDeliveries } from "./delivery-queries.ts";
import { type ClaimedDelivery, createPreparer, prepareDeliveries } from "./prepare-deliveries.ts";
import { createOutcomeRecorder } from "./record-outcomes.ts";
import type { DeliveryRecord } from "./record-queries.ts";
import { addBatch, createFixture, type DispatcherFixture, log } from "./test-fixture.ts";

let fixture: DispatcherFixture;
before(async () => {
  fixture = await createFixture();
  await fixture.addEndpoint();
});
after(() => fixture[Symbol.asyncDispose]());

const prepare = (...events: WebhookDue[]) => prepareDeliveries(fixture.dispatcher(), events);

async function claimOne(event: WebhookDue): Promise<ClaimedDelivery> {
  const [[preparation] = []] = await prepare(event);
  assert.ok(preparation?.kind === "send", `to send, not ${preparation?.kind}`);
  return preparation.delivery;
}

async function finish(
  delivery: ClaimedDelivery,
  state: "waiting" | "delivered" | "exhausted",
  statusCode = 200,
): Promise<void> {
  const { deliveryId, leadUuid, tenantId, batchId, endpointId, round, kind, dueSince } = delivery;
  const outcome = state === "delivered" ? "delivered" : "http_5xx";
  const startedAt = new Date();
  const attempt = { kind, dueAt: dueSince, startedAt, durationMs: 12.5, outcome, statusCode };
  const record: DeliveryRecord = {
    deliveryId,
    leadUuid,
    tenantId,
    batchId,
    endpointId,
    round,
    state,
    wakeKind: state === "waiting" ? WakeUpKind.retry : kind,
    nextAttemptAt: state === "waiting" ? new Date() : null,
    attempts: delivery.attempts + 1,
    cycleAttempts: delivery.cycleAttempts + 1,
    waitReason: state === "waiting" ? "retry" : null,
    lastAttemptAt: startedAt,
    lastStatusCode: statusCode,
    lastErrorClass: outcome,
    dueSince,
    bodySha256: hash("sha256", "body", "hex"),
    attempt: { ...attempt, ...ANSWER },
  };
  await createOutcomeRecorder(fixture.db, log).record([record]);
}

const ANSWER = {
  responseBody: "ok",
  responseTruncated: false,
  requestHeaders: '{"webhook-id":"msg_1"}',
  responseHeaders: '{"server":"a, \\"b\\" {c}"}',
  remoteAddress: "2001:db8::1",
  dnsMs: 1,
  connectMs: 2,
  tlsMs: null,
  firstByteMs: 3.5,
};

const stateOf = async (deliveryId: string) =>
  (await findDeliveries(fixture.db, [deliveryId])).get(deliveryId);

test("a lead's instants come as the webhook tells them, cut to the millisecond", async () => {
  const [id = ""] = await fixture.addLeads(1);
  await sql`update validation.leads set validated_at = '2026-01-02T03:04:05.678999+02'
    where lead_uuid = ${id}`.execute(fixture.owner);
  const { lead } = await claimOne(fixture.dueFor(id));
  assert.equal(lead.validatedAt, "2026-01-02T01:04:05.678Z");
});

test("a pull of 500 leads is claimed whole, one delivery each", async () => {
  const leads = await fixture.addLeads(500, await addBatch(fixture.owner, fixture.tenantId));
  const prepared = await prepare(...leads.map((id) => fixture.dueFor(id)));
  const ids = prepared.flatMap((ofEvent) =>
    ofEvent.flatMap((one) => (one.kind === "send" ? one.delivery.deliveryId : [])),
  );
  assert.equal(new Set(ids).size, 500);
});

test("a wake-up that is being sent elsewhere waits for the lease, whoever asks", async () => {
  const [id = ""] = await fixture.addLeads(1, await addBatch(fixture.owner, fixture.tenantId));
  await claimOne(fixture.dueFor(id));
  const [[again] = []] = await prepare(fixture.dueFor(id));
  assert.ok(again?.kind === "busy" && again.delayMs > 30_000);
});

const prepareExclusive = (...events: WebhookDue[]) =>
  prepareDeliveries(fixture.dispatcher(), events, new Set(events));

test("what nobody else can have is sent without a trace of it, and recorded when it has ended", async () => {
  const [id = ""] = await fixture.addLeads(1, await fixture.newBatch());
  const [[first] = []] = await prepareExclusive(fixture.dueFor(id));
  assert.ok(first?.kind === "send");
  const { deliveryId, attempts, cycleAttempts } = first.delivery;
  assert.deepEqual([attempts, cycleAttempts], [0, 0]);
  assert.equal(await stateOf(deliveryId), undefined);
  await finish(first.delivery, "waiting", 500);
  const stored = await stateOf(deliveryId);
  assert.deepEqual([stored?.state, stored?.attempts, stored?.lastStatusCode], ["waiting", 1, 500]);
  const retry = { kind: WakeUpKind.retry, round: 1 };
  const { delivery } = first;
  const second = await claimOne(fixture.dueFor(deliveryId, retry));
  assert.deepEqual([second.attempts, second.dueSince > delivery.dueSince], [1, true]);
});

test("a message that was handed out before is claimed, one that was not is not", async () => {
  const [again = "", fresh = ""] = await fixture.addLeads(2, await fixture.newBatch());
  const preparer = createPreparer(fixture.dispatcher());
  const [[claimed], [unclaimed]] = await Promise.all([
    preparer(fixture.dueFor(again), true),
    preparer(fixture.dueFor(fresh), false),
  ]);
  assert.ok(claimed?.kind === "send" && unclaimed?.kind === "send");
  assert.equal((await stateOf(claimed.delivery.deliveryId))?.state, "sending");
  assert.equal(await stateOf(unclaimed.delivery.deliveryId), undefined);
});

test("a copy of a wake-up that has left a trace is told again or waits, whoever takes it", async () => {
  const batchUuid = await fixture.newBatch();
  const [done = "", sending = ""] = await fixture.addLeads(2, batchUuid);
  const due = (id: string) => fixture.dueFor(id, { batch_id: batchIdOfUuid(batchUuid) });
  await finish(await claimOne(due(done)), "delivered");
  await claimOne(due(sending));
  const [[again] = [], [busy] = []] = await prepareExclusive(due(done), due(sending));
  assert.deepEqual([again?.kind, busy?.kind], ["repeat", "busy"]);
});

test("a dispatcher that died before its record is succeeded: the message comes again, and is claimed", async () => {
  const [id = ""] = await fixture.addLeads(1, await fixture.newBatch());
  const [[lost] = []] = await prepareExclusive(fixture.dueFor(id));
  assert.ok(lost?.kind === "send");
  const heir = await claimOne(fixture.dueFor(id));
  assert.equal(heir.deliveryId, lost.delivery.deliveryId);
  assert.equal((await stateOf(heir.deliveryId))?.state, "sending");
  // The dead one was only slow: its attempt stays on record beside the heir's, its state does not.
  await finish(heir, "delivered");
  await finish(lost.delivery, "exhausted", 500);
  assert.equal((await stateOf(heir.deliveryId))?.state, "delivered");
  const { rows } = await sql<{ outcome: string }>`
    select outcome from delivery.attempts where delivery_id = ${heir.deliveryId}
    order by outcome`.execute(fixture.db);
  assert.deepEqual(
    rows.map(({ outcome }) => outcome),
    ["delivered", "http_5xx"],
  );
});

test("two copies of a wake-up in one pull are one claim", async () => {
  const [id = ""] = await fixture.addLeads(1, await addBatch(fixture.owner, fixture.tenantId));
  const [[first] = [], [second] = []] = await prepare(fixture.dueFor(id), fixture.dueFor(id));
  assert.equal(first?.kind, "send");
  assert.equal(second?.kind, "busy");
});

test("a lease that ran out is taken over, for the same round and the same webhook id", async () => {
  const [id = ""] = await fixture.addLeads(1, await addBatch(fixture.owner, fixture.tenantId));
  const mine = await claimOne(fixture.dueFor(id));
  await sql`update delivery.deliveries set lease_until = now() - interval '1 second'
    where delivery_id = ${mine.deliveryId}`.execute(fixture.db);
  const theirs = await claimOne(fixture.dueFor(id));
  assert.equal(theirs.deliveryId, mine.deliveryId);
});

test("a delivered wake-up that comes back is only told again", async () => {
  const [id = ""] = await fixture.addLeads(1, await addBatch(fixture.owner, fixture.tenantId));
  const delivery = await claimOne(fixture.dueFor(id));
  await finish(delivery, "delivered");
  const [[again] = []] = await prepare(fixture.dueFor(id));
  assert.ok(again?.kind === "repeat" && again.stored.state === "delivered");
});

test("a retry goes on counting; an older wake-up is superseded", async () => {
  const [id = ""] = await fixture.addLeads(1, await addBatch(fixture.owner, fixture.tenantId));
  const delivery = await claimOne(fixture.dueFor(id));
  await finish(delivery, "waiting", 503);
  const wake = { kind: WakeUpKind.retry, round: 1 } as const;
  const retry = await claimOne(fixture.dueFor(delivery.deliveryId, wake));
  assert.equal(retry.attempts, 1);
  assert.equal(retry.cycleAttempts, 1);
  const [[old] = []] = await prepare(fixture.dueFor(id));
  assert.equal(old?.kind, "superseded");
});

test("an exhausted delivery opens again for a replay, with a fresh cycle, and for nothing else", async () => {
  const [id = ""] = await fixture.addLeads(1, await addBatch(fixture.owner, fixture.tenantId));
  const delivery = await claimOne(fixture.dueFor(id));
  await finish(delivery, "exhausted", 500);
  const retry = { kind: WakeUpKind.retry, round: 1 } as const;
  const [[refused] = []] = await prepare(fixture.dueFor(delivery.deliveryId, retry));
  assert.equal(refused?.kind, "superseded");
  const replay = { kind: WakeUpKind.manual, round: 1 } as const;
  const reopened = await claimOne(fixture.dueFor(delivery.deliveryId, replay));
  assert.equal(reopened.attempts, 1);
  assert.equal(reopened.cycleAttempts, 0);
});

test("the outcome and its attempt are recorded together, once", async () => {
  const [id = ""] = await fixture.addLeads(1, await addBatch(fixture.owner, fixture.tenantId));
  const delivery = await claimOne(fixture.dueFor(id));
  await finish(delivery, "delivered", 202);
  await finish(delivery, "exhausted", 500); // whoever lost the lease comes too late
  const stored = await stateOf(delivery.deliveryId);
  assert.equal(stored?.state, "delivered");
  assert.equal(stored.attempts, 1);
  assert.equal(stored.lastStatusCode, 202);
  const { rows } = await sql<{ outcome: string }>`
    select outcome from delivery.attempts where delivery_id = ${delivery.deliveryId}
    order by started_at`.execute(fixture.db);
  assert.equal(rows[0]?.outcome, "delivered");
});

test("a lead of a cancelled batch is claimed with the word cancelled", async () => {
  const cancelled = await addBatch(fixture.owner, fixture.tenantId, true);
  const [id = ""] = await fixture.addLeads(1, cancelled);
  const { lead } = await claimOne(fixture.dueFor(id));
  assert.equal(lead.cancelled, true);
});

test("a batch's cancel ends what waits and leaves what is delivered", async () => {
  const batchId = await addBatch(fixture.owner, fixture.tenantId);
  const [first = "", second = ""] = await fixture.addLeads(2, batchId);
  const { batch_id } = { ...fixture.dueFor(first) };
  const waiting = await claimOne({ ...fixture.dueFor(first), batch_id });
  const delivered = await claimOne({ ...fixture.dueFor(second), batch_id });
  await finish(waiting, "waiting", 503);
  await finish(delivered, "delivered");
  await cancelWaiting(fixture.db, waiting.batchId);
  assert.equal((await stateOf(waiting.deliveryId))?.state, "cancelled");
  assert.equal((await stateOf(delivered.deliveryId))?.state, "delivered");
  // The scheduler may hold its wake-up still: when it comes, nothing is sent.
  const { deliveryId: id, round } = waiting;
  const later = { id, round: round + 1, kind: WakeUpKind.retry, batch_id };
  const [[again] = []] = await prepare({ ...fixture.dueFor(first), ...later });
  assert.notEqual(again?.kind, "send");
  assert.equal((await stateOf(id))?.state, "cancelled");
});

test("a request that fails while its batch is cancelled leaves nothing waiting", async () => {
  const batchId = await addBatch(fixture.owner, fixture.tenantId);
  const [id = ""] = await fixture.addLeads(1, batchId);
  const batch_id = batchIdOfUuid(batchId);
  const delivery = await claimOne({ ...fixture.dueFor(id), batch_id });
  await sql`update ingest.batches set cancelled_at = now() where batch_id = ${batchId}`.execute(
    fixture.owner,
  );
  await cancelWaiting(fixture.db, batchId);
  await finish(delivery, "waiting", 503);
  assert.equal((await stateOf(delivery.deliveryId))?.state, "cancelled");
});

test("an unknown lead or delivery is told as missing", async () => {
  const unknown = "018f3b1e-0000-7000-8000-00000000dead";
  const [[first] = [], [later] = []] = await prepare(
    fixture.dueFor(unknown),
    fixture.dueFor(unknown, { kind: WakeUpKind.retry, round: 1 }),
  );
  assert.equal(first?.kind, "lead_missing");
  assert.equal(later?.kind, "lead_missing");
});

test("an outcome is recorded although a crash of the database took the claim away", async () => {
  const [id = ""] = await fixture.addLeads(1, await addBatch(fixture.owner, fixture.tenantId));
  const mine = await claimOne(fixture.dueFor(id));
  await sql`delete from delivery.deliveries where delivery_id = ${mine.deliveryId}`.execute(
    fixture.owner,
  );
  await finish(mine, "delivered");
  const stored = await stateOf(mine.deliveryId);
  assert.deepEqual(
    [stored?.state, stored?.attempts, stored?.batchId],
    ["delivered", 1, mine.batchId],
  );
});
