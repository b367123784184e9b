import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import { after, before, beforeEach, test } from "node:test";

import { WebhookPayload, type WebhookTest } from "@valify/contracts";
import { createAddressGuard, createSecretBox } from "@valify/runtime";
import { sql } from "kysely";
import { Webhook } from "standardwebhooks";

import { findDeliveries } from "./delivery-queries.ts";
import { createEndpointSecrets } from "./endpoint-secrets.ts";
import { createHttpSender } from "./http-sender.ts";
import { createOutcomeRecorder } from "./record-outcomes.ts";
import { createFixture, createTestGate, type DispatcherFixture, log } from "./test-fixture.ts";
import { createWebhookTestHandler } from "./webhook-test-handler.ts";

// Goal: a test event is a real webhook: signed, guarded, recorded, and sent once.
// Method: the handler with everything real, against a receiver that answers as told.

const SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"; // the fixture's endpoints have it
const loopback = createAddressGuard({ allowedCidrs: ["127.0.0.0/8"], allowHttp: true });

let fixture: DispatcherFixture;
let url = "";
let status = 200;
const received: { readonly body: string; readonly headers: Record<string, string> }[] = [];
const server = createServer((request, response) => {
  let body = "";
  request.on("data", (chunk) => (body += String(chunk)));
  request.on("end", () => {
    const headers = Object.entries(request.headers).map(([name, value]) => [name, String(value)]);
    received.push({ body, headers: Object.fromEntries(headers) });
    response.writeHead(status).end("an answer");
  });
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
  server.close().closeAllConnections();
  await fixture[Symbol.asyncDispose]();
});
beforeEach(() => {
  received.length = 0;
  status = 200;
});

async function handle(event: WebhookTest, guard = loopback) {
  await using sender = createHttpSender({ guard, totalTimeoutMs: 5_000 });
  using gate = createTestGate();
  const handler = createWebhookTestHandler(
    {
      db: fixture.db,
      gate,
      sender,
      secretsOf: createEndpointSecrets(createSecretBox("0123456789abcdef0123456789abcdef")),
      recorder: createOutcomeRecorder(fixture.db, log),
      observe: () => {},
      now: () => new Date(),
    },
    { userAgent: "valify-batch/test" },
  );
  return await handler(event);
}

function testOf(endpointId: string): WebhookTest {
  return {
    delivery_id: randomUUID(),
    endpoint_id: endpointId,
    tenant_id: fixture.tenantId,
    requested_at: new Date().toISOString(),
  };
}

const stored = async ({ delivery_id: id }: WebhookTest) =>
  (await findDeliveries(fixture.db, [id])).get(id);

async function attemptsOf({ delivery_id: id }: WebhookTest) {
  const { rows } = await sql<{ kind: number; outcome: string }>`
    select kind, outcome from delivery.attempts where delivery_id = ${id}`.execute(fixture.owner);
  return rows;
}

test("a paused endpoint gets a signed event that says it is a test, and it is on record", async () => {
  const event = testOf(await fixture.addEndpoint(url));
  await sql`update ingest.endpoints set status = 'paused'`.execute(fixture.owner);
  assert.equal(await handle(event), undefined);
  const [webhook] = received;
  assert.ok(webhook !== undefined);
  new Webhook(SECRET).verify(webhook.body, webhook.headers);
  const { test: isTest, first_name, lead_uuid } = WebhookPayload.parse(JSON.parse(webhook.body));
  assert.deepEqual([isTest, first_name, lead_uuid], [true, "Test", event.delivery_id]);
  assert.equal(webhook.headers["webhook-id"], `msg_${event.delivery_id.replaceAll("-", "")}`);
  const delivery = await stored(event);
  assert.deepEqual(
    [delivery?.state, delivery?.lastStatusCode, delivery?.batchId],
    ["delivered", 200, fixture.tenantId],
  );
  assert.deepEqual(await attemptsOf(event), [{ kind: 5, outcome: "delivered" }]);
});

test("a test that fails ends there, without a retry and without a word on the endpoint's health", async () => {
  status = 503;
  const event = testOf(await fixture.addEndpoint(url));
  await handle(event);
  const delivery = await stored(event);
  assert.deepEqual([delivery?.state, delivery?.nextAttemptAt], ["exhausted", null]);
  assert.deepEqual(await attemptsOf(event), [{ kind: 5, outcome: "http_5xx" }]);
  const health = await fixture.db.selectFrom("delivery.endpoint_health").selectAll().execute();
  assert.deepEqual(health, []);
});

test("a message that comes again sends nothing again", async () => {
  const event = testOf(await fixture.addEndpoint(url));
  await handle(event);
  assert.equal(await handle(event), undefined);
  assert.equal(received.length, 1);
});

test("while another dispatcher sends it, a copy waits for the lease", async () => {
  const event = testOf(await fixture.addEndpoint(url));
  await handle(event);
  await sql`update delivery.deliveries set state = 'sending', lease_until = now() + interval '40 s'
    where delivery_id = ${event.delivery_id}`.execute(fixture.owner);
  const again = await handle(event);
  assert.ok(again !== undefined && again.delayMs > 30_000);
  assert.equal(received.length, 1);
});

test("a private address is refused for a test as for any other", async () => {
  const event = testOf(await fixture.addEndpoint(url));
  await handle(event, createAddressGuard({ allowHttp: true }));
  assert.equal(received.length, 0);
  assert.deepEqual(await attemptsOf(event), [{ kind: 5, outcome: "ssrf_blocked" }]);
});

test("an endpoint that was deleted since is no fault", async () => {
  assert.equal(await handle(testOf(randomUUID())), undefined);
  assert.equal(received.length, 0);
});
