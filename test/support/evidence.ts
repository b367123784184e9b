import assert from "node:assert/strict";

import { leadValidated, webhookDelivered, webhookDue } from "@valify/contracts";

import { countEvents, readEvents } from "./event-reader.ts";
import { distinctWebhooks, untilStored } from "./moments.ts";
import type { Stack } from "./stack.ts";
import type { ReceivedWebhook } from "./webhook-receiver.ts";

/** Database, broker and this receiver share one machine, so one clock. */
export async function assertNothingEarly({ nats, receiver }: Stack): Promise<void> {
  // Tighter than the arrival, which comes some milliseconds after whatever the scheduler did.
  for (const { event, storedAtMs } of await readEvents(nats.url, webhookDue)) {
    const earlyMs = Date.parse(event.due_at) - storedAtMs;
    assert(earlyMs <= 0, `webhook.due of ${event.id} came ${earlyMs} ms before ${event.due_at}`);
  }
  for (const { atMs, body, id } of receiver.received) {
    const earlyMs = Date.parse(body.webhook_scheduled_for) - atMs;
    assert(earlyMs <= 0, `${id} came ${earlyMs} ms before ${body.webhook_scheduled_for}`);
  }
}

/** A repeat is only a repeat to the receiver when it carries the id of the first. */
function assertStableIds(received: readonly ReceivedWebhook[]): void {
  const idOfLead = new Map<string, string>();
  const leadOfId = new Map<string, string>();
  for (const { id, body } of received) {
    const lead = body.lead_uuid;
    assert.match(id, /^msg_[A-Za-z0-9_-]{1,60}$/);
    assert.equal(idOfLead.get(lead) ?? id, id, `lead ${lead} came under two webhook ids`);
    assert.equal(leadOfId.get(id) ?? lead, lead, `${id} came for two leads`);
    idOfLead.set(lead, id);
    leadOfId.set(id, lead);
  }
}

/** A fault gives the service this long to notice, be handed its messages again, and catch up. */
const RECOVERY_DEADLINE_MS = 150_000;

/**
 * Waits until every lead of a file of valid leads is delivered, and then checks the books: nothing
 * lost, nothing early, nothing doubled but under one webhook-id, and all counts the same.
 */
export async function assertAllDelivered(stack: Stack, batchId: string, leadCount: number) {
  const { api, receiver, waitFor } = stack;
  const ofBatch = () => receiver.received.filter(({ rawBody }) => rawBody.includes(batchId));
  await waitFor(
    () => distinctWebhooks(ofBatch()) >= leadCount,
    () => `${leadCount} webhooks arrived, not ${distinctWebhooks(ofBatch())}`,
    RECOVERY_DEADLINE_MS,
  );
  await waitFor(
    async () => (await api.webhookCounts(batchId)).sent === leadCount,
    `${leadCount} webhooks are recorded as sent`,
    RECOVERY_DEADLINE_MS,
  );

  const received = ofBatch();
  assert.equal(new Set(received.map(({ body }) => body.lead_uuid)).size, leadCount);
  assert(
    received.every(({ verified }) => verified),
    "the official library accepts every request",
  );
  await assertNothingEarly(stack);
  assertStableIds(received);
  await assertBooks(stack, batchId, leadCount);
}

async function assertBooks(stack: Stack, batchId: string, leadCount: number): Promise<void> {
  const { api, nats } = stack;
  const counts = await api.webhookCounts(batchId);
  assert.deepEqual(counts, { pending: 0, sent: leadCount, failed: 0, cancelled: 0, erased: 0 });
  const status = await stack.waitForStatus(batchId, "completed");
  assert.equal(status.total_leads, leadCount);
  assert.equal(status.valid_leads, leadCount);
  assert.equal(status.processed_leads, leadCount);

  // A repeated publish is dropped by the stream: what other teams read holds each lead once.
  const announced = (await readEvents(nats.url, leadValidated)).filter(
    ({ event }) => event.batch_id === batchId,
  );
  assert.equal(announced.length, leadCount, "one lead.validated per lead");
  assert.equal(new Set(announced.map(({ event }) => event.lead_uuid)).size, leadCount);
  const delivered = (await untilStored(stack, webhookDelivered, leadCount)).filter(
    ({ event }) => event.batch_id === batchId,
  );
  assert.equal(new Set(delivered.map(({ event }) => event.lead_uuid)).size, leadCount);
  assert.equal(await countEvents(nats.url, { stream: "DLQ", subject: "dlq.>" }), 0, "dead letters");
}
