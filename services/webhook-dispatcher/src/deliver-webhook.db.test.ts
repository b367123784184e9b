import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import { after, before, beforeEach, test } from "node:test";

import { WakeUpKind, type WebhookDue } from "@valify/contracts";
import { createAddressGuard, PermanentError } from "@valify/runtime";
import { sql } from "kysely";

import type { DeliveryOutcome } from "./announce-outcome.ts";
import { findDeliveries } from "./delivery-queries.ts";
import { createHttpSender, type HttpSender } from "./http-sender.ts";
import { createTestDelivery } from "./test-delivery.ts";
import { createFixture, type DispatcherFixture } from "./test-fixture.ts";

// Goal: what becomes of a delivery by what its endpoint answers, and of the endpoint.
// Method: the real path from wake-up to stored outcome, a receiver that answers as told, and a
// clock that is a variable.

const guard = createAddressGuard({ allowedCidrs: ["127.0.0.0/8"], allowHttp: true });
const realSender = createHttpSender({ guard, totalTimeoutMs: 2_000 });

let fixture: DispatcherFixture;
let clock: Date;
let answer: RequestListener;
let requests = 0;
let url = "";
const server = createServer((request, response) => {
  requests += 1;
  request.resume().on("end", () => answer(request, response));
});
before(async () => {
  fixture = await createFixture();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  assert.ok(typeof address === "object" && address !== null);
  url = `http://127.0.0.1:${address.port}/hook`;
});
after(async () => {
  await realSender[Symbol.asyncDispose]();
  server.close().closeAllConnections();
  await fixture[Symbol.asyncDispose]();
});
beforeEach(async () => {
  clock = new Date();
  requests = 0;
  await sql`delete from ingest.endpoints`.execute(fixture.owner);
});

const passes = (ms: number) => (clock = new Date(clock.getTime() + ms));

function answers(statusCode: number, headers: Readonly<Record<string, string>> = {}): void {
  answer = (_request, response) => response.writeHead(statusCode, headers).end("an answer");
}

/** One endpoint at the receiver, and a dispatcher for it. */
async function world(sender: HttpSender = realSender) {
  const endpointId = await fixture.addEndpoint(url);
  await sql`update ingest.endpoints set activated_at = now() - interval '1 hour'`.execute(
    fixture.owner,
  );
  return { endpointId, ...createTestDelivery({ fixture, sender, now: () => clock }) };
}

async function lead(): Promise<WebhookDue> {
  const [id = ""] = await fixture.addLeads(1, await fixture.newBatch());
  return fixture.dueFor(id);
}

/** The wake-up that the outcome asks for. */
const nextOf = ({ deliveryId, wakeKind, round }: DeliveryOutcome) =>
  fixture.dueFor(deliveryId, { kind: wakeKind === 2 ? 2 : 1, round: round + 1 });

async function rowOf(deliveryId: string) {
  return fixture.db
    .selectFrom("delivery.deliveries")
    .selectAll()
    .where("delivery_id", "=", deliveryId)
    .executeTakeFirstOrThrow();
}

const countsOf = async (deliveryId: string) => {
  const { attempts, cycle_attempts: cycleAttempts } = await rowOf(deliveryId);
  return { attempts, cycleAttempts };
};

const healthOf = async (endpointId: string) =>
  fixture.db
    .selectFrom("delivery.endpoint_health")
    .selectAll()
    .where("endpoint_id", "=", endpointId)
    .executeTakeFirst();

test("a failure waits for its retry and is charged; a success delivers it", async () => {
  const { wake: send, endpointId, deferrals } = await world();
  answers(500);
  const failed = await send(await lead());
  assert.equal(failed.state, "waiting");
  assert.equal(deferrals(), 0, "a retry is no deferral");
  assert.equal((await rowOf(failed.deliveryId)).wait_reason, "retry");
  assert.deepEqual(await countsOf(failed.deliveryId), { attempts: 1, cycleAttempts: 1 });
  answers(204);
  const delivered = await send(nextOf(failed));
  assert.equal(delivered.state, "delivered");
  assert.equal((await rowOf(failed.deliveryId)).wait_reason, null);
  assert.equal((await healthOf(endpointId))?.consecutive_failures, 0);
});

test("Retry-After in seconds and as a date is when the retry comes, not before", async () => {
  const { wake: send } = await world();
  const askedMs = 7_200_000;
  for (const form of ["seconds", "date"]) {
    const wakeUp = await lead();
    const startedMs = Date.now();
    const date = new Date(startedMs + askedMs).toUTCString();
    answers(500, { "retry-after": form === "seconds" ? "7200" : date });
    const { nextAttemptAt } = await send(wakeUp);
    const waitMs = (nextAttemptAt?.getTime() ?? 0) - startedMs;
    // A date has whole seconds, and the answer takes its time.
    assert.ok(waitMs > askedMs - 1_000 && waitMs < askedMs + 10_000, `${form}: ${waitMs}`);
  }
});

test("429 costs nothing, and pauses the endpoint for every delivery", async () => {
  const { wake: send, endpointId, deferrals } = await world();
  answers(429, { "retry-after": "600" });
  const throttled = await send(await lead());
  assert.equal(deferrals(), 1);
  assert.equal(throttled.state, "waiting");
  assert.equal((await rowOf(throttled.deliveryId)).wait_reason, "throttled");
  assert.deepEqual(await countsOf(throttled.deliveryId), { attempts: 1, cycleAttempts: 0 });

  answers(200);
  const other = await send(await lead());
  assert.equal(requests, 1, "nothing is sent during the pause");
  assert.equal(other.state, "waiting");
  assert.deepEqual(await countsOf(other.deliveryId), { attempts: 0, cycleAttempts: 0 });
  const pausedUntil = (await healthOf(endpointId))?.paused_until;
  assert.ok(other.nextAttemptAt !== null && pausedUntil && other.nextAttemptAt >= pausedUntil);

  passes(600_000 + 5_000);
  assert.equal((await send(nextOf(other))).state, "delivered");
});

test("410 disables the endpoint: what comes is held, listed, and has no wake-up", async () => {
  const { wake: send, endpointId } = await world();
  answers(410);
  const gone = await send(await lead());
  answers(200);
  const next = await send(await lead());
  assert.equal(requests, 1);
  for (const { deliveryId, state, nextAttemptAt } of [gone, next]) {
    assert.deepEqual([state, nextAttemptAt], ["held", null]);
    assert.equal((await rowOf(deliveryId)).wait_reason, "disabled");
  }
  assert.deepEqual(await countsOf(next.deliveryId), { attempts: 0, cycleAttempts: 0 });
  const health = await healthOf(endpointId);
  assert.deepEqual([health?.state, health?.disabled_reason], ["disabled", "gone"]);

  await sql`update ingest.endpoints set activated_at = now() + interval '1 minute'`.execute(
    fixture.owner,
  );
  const recovered = fixture.dueFor(next.deliveryId, { kind: WakeUpKind.recover, round: 1 });
  assert.equal((await send(recovered)).state, "delivered");
});

test("the receiver ends one message, or all of them, by a header", async () => {
  const { wake: send, endpointId } = await world();
  answers(500, { "webhook-delivery": "abort-message" });
  assert.equal((await send(await lead())).state, "exhausted");
  answers(200, { "webhook-delivery": "disable" });
  assert.equal((await send(await lead())).state, "delivered");
  assert.equal((await healthOf(endpointId))?.disabled_reason, "requested");
  assert.equal((await send(await lead())).state, "held");
});

test("a redirect is a failure", async () => {
  const { wake: send } = await world();
  answers(302, { location: url });
  const { state, lastErrorClass } = await send(await lead());
  assert.deepEqual([state, lastErrorClass, requests], ["waiting", "http_3xx", 1]);
});

// Goal: an endpoint that is down costs ten attempts in all, not four of every delivery.
test("ten failures open the circuit; one probe at a time tries; a success lets all go", async () => {
  const { wake: send, endpointId } = await world();
  answers(500);
  for (let failure = 0; failure < 10; failure += 1) await send(await lead());
  assert.equal((await healthOf(endpointId))?.state, "open");
  const heldOne = await send(await lead());
  const heldTwo = await send(await lead());
  assert.equal(requests, 10);
  assert.deepEqual([heldOne.state, heldTwo.state], ["held", "held"]);
  assert.equal((await rowOf(heldOne.deliveryId)).wait_reason, "open");
  const probeAt = (await healthOf(endpointId))?.probe_at;
  assert.ok(heldOne.nextAttemptAt !== null && probeAt && heldOne.nextAttemptAt >= probeAt);

  passes(32_000 + 2_000);
  const probe = await send(nextOf(heldOne));
  assert.equal(requests, 11);
  assert.equal(probe.state, "held", "the probe failed");
  assert.deepEqual(await countsOf(probe.deliveryId), { attempts: 1, cycleAttempts: 0 });
  const waiting = await send(nextOf(heldTwo));
  assert.equal(requests, 11, "no second probe");
  assert.equal(waiting.state, "held");

  passes(120_000);
  answers(200);
  assert.equal((await send(nextOf(waiting))).state, "delivered");
  assert.equal((await healthOf(endpointId))?.state, "healthy");
  assert.equal((await send(nextOf(probe))).state, "delivered");
});

test("what waited for its turn while the circuit opened is held, not sent", async () => {
  const { wake: send, claim, deliver } = await world();
  const waiting = await claim(await lead());
  assert.equal(waiting.hold, null);
  answers(500);
  for (let failure = 0; failure < 10; failure += 1) await send(await lead());
  assert.equal((await deliver(waiting)).state, "held");
  assert.equal(requests, 10);
});

test("a deferral keeps the instant its attempt was due at first; a retry has a new one", async () => {
  const { wake: send } = await world();
  await sql`update ingest.endpoints set status = 'paused'`.execute(fixture.owner);
  const first = await lead();
  const paused = await send(first);
  assert.equal((await rowOf(paused.deliveryId)).wait_reason, "paused");
  await sql`update ingest.endpoints set status = 'active'`.execute(fixture.owner);
  answers(500);
  const laterDue = new Date(clock.getTime() + 90_000).toISOString();
  const deferred = fixture.dueFor(paused.deliveryId, { kind: 2, round: 1, due_at: laterDue });
  const failed = await send(deferred);
  assert.deepEqual((await rowOf(paused.deliveryId)).due_since, new Date(first.due_at));
  await send({ ...nextOf(failed), due_at: laterDue });
  assert.deepEqual((await rowOf(paused.deliveryId)).due_since, new Date(laterDue));
});

test("bytes other than those of the first attempt are never sent", async () => {
  const { wake: send } = await world();
  answers(500);
  const failed = await send(await lead());
  await sql`update validation.leads set first_name = 'Eva'
    where lead_uuid = ${failed.leadUuid}`.execute(fixture.owner);
  await assert.rejects(send(nextOf(failed)), (error) => {
    assert.ok(error instanceof PermanentError);
    assert.equal(error.code, "BODY_CHANGED");
    return true;
  });
  assert.equal(requests, 1);
  const row = await rowOf(failed.deliveryId);
  assert.deepEqual([row.state, row.wait_reason], ["held", "internal"]);
  assert.deepEqual(await countsOf(failed.deliveryId), { attempts: 1, cycleAttempts: 1 });
});

test("a secret that cannot be opened is our fault: held, and a dead letter", async () => {
  const { wake: send, endpointId } = await world();
  await sql`update ingest.endpoints set secret_encrypted = '\\x00'`.execute(fixture.owner);
  await assert.rejects(send(await lead()), { code: "REQUEST_NOT_BUILT" });
  assert.equal(requests, 0);
  assert.equal(await healthOf(endpointId), undefined);
});

test("a request that we could not make costs nothing and blames nobody", async () => {
  const broken: HttpSender = {
    async send(webhook) {
      const result = await realSender.send(webhook);
      return { ...result, outcome: "internal", statusCode: null };
    },
    [Symbol.asyncDispose]: async () => {},
  };
  answers(200);
  const { wake: send, endpointId } = await world(broken);
  const { state, deliveryId } = await send(await lead());
  assert.equal(state, "waiting");
  assert.equal((await rowOf(deliveryId)).wait_reason, "internal");
  assert.deepEqual(await countsOf(deliveryId), { attempts: 0, cycleAttempts: 0 });
  assert.equal(await healthOf(endpointId), undefined);
});

test("the attempt log holds what a customer needs, and no secret", async () => {
  const { wake: send } = await world();
  answer = (_request, response) => {
    response.writeHead(500, { "x-request-id": "r-1", "set-cookie": "session=CANARY" });
    response.end(`{"a":"b,c"}\u{0}${"x".repeat(20_000)}`);
  };
  const { deliveryId, endpointId } = await send(await lead());
  const attempt = await fixture.db
    .selectFrom("delivery.attempts")
    .selectAll()
    .where("delivery_id", "=", deliveryId)
    .executeTakeFirstOrThrow();
  assert.equal(attempt.endpoint_id, endpointId);
  assert.equal(attempt.outcome, "http_5xx");
  assert.equal(attempt.kind, WakeUpKind.first);
  assert.equal(attempt.remote_address, "127.0.0.1");
  assert.equal(attempt.response_truncated, true);
  assert.match(attempt.response_body ?? "", /^\{"a":"b,c"\}\uFFFDx+$/);
  assert.equal(attempt.response_headers?.["x-request-id"], "r-1");
  assert.equal(attempt.response_headers["set-cookie"], "[masked]");
  assert.match(attempt.request_headers?.["webhook-id"] ?? "", /^msg_[0-9a-f]{32}$/);
  assert.equal(attempt.request_headers?.["webhook-signature"], "[masked]");
  assert.ok((attempt.first_byte_ms ?? -1) >= 0);
  assert.equal((await rowOf(deliveryId)).body_sha256?.length, 32);
  assert.ok((await findDeliveries(fixture.db, [deliveryId])).has(deliveryId));
});
