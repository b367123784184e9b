import assert from "node:assert/strict";
import { test } from "node:test";

import { webhookDelivered, webhookExhausted } from "@valify/contracts";
import { DeliveryPage, EndpointList } from "@valify/contracts/api";

import { leadCsv } from "../support/lead-csv.ts";
import { untilStored } from "../support/moments.ts";
import { type Stack, startStack } from "../support/stack.ts";

const DELAYS = { webhookDelay: "PT1S", retryDelays: "PT0.4S,PT0.4S,PT0.4S" };

// Goal: a customer whose endpoint is down for a while still gets the webhook, with one stable id.
// Method: the endpoint answers 503 twice, then 200.
test("a failed webhook is delivered again under the same id, every attempt recorded", async () => {
  await using stack = await startStack({ ...DELAYS, receiver: { respond: [503, 503] } });
  const { api, receiver } = stack;

  const { batch_id: batchId } = await api.upload(leadCsv({ valid: 1 }));
  await stack.waitFor(async () => (await api.webhookCounts(batchId)).sent === 1, "a sent webhook");

  assert.equal(receiver.received.length, 3);
  assert.equal(new Set(receiver.received.map(({ id }) => id)).size, 1);
  assert.equal(new Set(receiver.received.map(({ rawBody }) => rawBody)).size, 1);
  assert(
    receiver.received.every(({ verified }) => verified),
    "each attempt is signed anew",
  );
  assert.deepEqual(await attempts(stack), [
    { attempt: 1, statusCode: 503 },
    { attempt: 2, statusCode: 503 },
    { attempt: 3, statusCode: 200 },
  ]);
  const events = await untilStored(stack, webhookDelivered, 1);
  assert.deepEqual(
    events.map(({ event }) => [event.attempts, event.status_code]),
    [[3, 200]],
  );
  const [lead] = (await api.webhookStatus(batchId)).leads;
  assert.deepEqual([lead?.webhook_status, lead?.webhook_attempts], ["sent", 3]);
  assert.notEqual(lead?.webhook_sent_at, null);
});

// Goal: after one attempt and three retries nobody waits in vain, and a person can try again.
// Method: the endpoint answers 500 until it is repaired; then its batch is replayed.
test("a webhook that always fails is exhausted after four attempts, can be replayed, and ended while it waits", async () => {
  await using stack = await startStack({ ...DELAYS, receiver: { respond: () => 500 } });
  const { api, receiver } = stack;

  const { batch_id: batchId } = await api.upload(leadCsv({ valid: 1 }));
  await stack.waitFor(async () => (await api.webhookCounts(batchId)).failed === 1, "a failed one");
  assert.equal(receiver.received.length, 4);
  assert.equal((await attempts(stack)).length, 4);
  const [exhausted] = await untilStored(stack, webhookExhausted, 1);
  assert.equal(exhausted?.event.attempts, 4);
  assert.equal(exhausted?.event.error_class, "http_5xx");
  const [lead] = (await api.webhookStatus(batchId)).leads;
  assert.deepEqual([lead?.webhook_status, lead?.webhook_attempts], ["failed", 4]);
  assert.notEqual(lead?.last_error, null);

  receiver.respondWith([]);
  assert.equal(await api.webhookRetry(batchId), 1);
  await stack.waitFor(async () => (await api.webhookCounts(batchId)).sent === 1, "a sent webhook");
  assert.equal(receiver.received.length, 5);
  assert.equal(new Set(receiver.received.map(({ id }) => id)).size, 1);
  assert.equal((await untilStored(stack, webhookDelivered, 1)).length, 1);
  assert.equal(await api.webhookRetry(batchId), 0, "nothing is left to replay");

  await cancelWaiting(stack);
});

/** In an hour it would be tried again; a person ends it before. */
async function cancelWaiting(stack: Stack): Promise<void> {
  const { api, receiver } = stack;
  receiver.respondWith(() => 500);
  const { endpoints } = EndpointList.parse(await api.json("GET", "/endpoints", 200));
  const change = { retry_delays: ["PT1H"] };
  await api.json("PATCH", `/endpoints/${endpoints[0]?.endpoint_id}`, 200, change);
  const { batch_id: batchId } = await api.upload(leadCsv({ valid: 1 }));
  const one = async (status: string) => {
    const path = `/deliveries?batch_id=${batchId}&status=${status}`;
    return DeliveryPage.parse(await api.json("GET", path, 200)).deliveries[0];
  };
  await stack.waitFor(async () => (await one("waiting")) !== undefined, "one waits for its retry");
  await api.json("POST", `/deliveries/${(await one("waiting"))?.delivery_id}/cancel`, 202);
  await stack.waitFor(async () => (await one("cancelled"))?.next_attempt_at === null, "cancelled");
  assert.equal(receiver.received.length, 6);
}

async function attempts({ db }: Stack): Promise<{ attempt: number; statusCode: number }[]> {
  const { rows } = await db.query<{ attempt: number; statusCode: number }>(
    `select attempt, status_code as "statusCode" from delivery.attempts order by attempt`,
  );
  return rows;
}
