import assert from "node:assert/strict";
import { test } from "node:test";

import type { WebhookDue } from "@valify/contracts";
import { PermanentError } from "@valify/runtime";

import type { DeliveryOutcome } from "./announce-outcome.ts";
import type { StoredDelivery } from "./delivery-queries.ts";
import { createTenantTurns } from "./domain/tenant-turns.ts";
import { createWebhookDueHandler } from "./webhook-due-handler.ts";

const event: WebhookDue = {
  id: "018f3b1e-0000-7000-8000-000000000001",
  kind: 0,
  round: 0,
  tenant_id: "018f3b1e-0000-7000-8000-000000000002",
  batch_id: "batch_01hcxhw000e00800000000002m",
  due_at: "2026-11-22T10:00:00Z",
  lane: 0,
};
const stored = (deliveryId: string): StoredDelivery => ({
  deliveryId,
  leadUuid: event.id,
  endpointId: "e",
  tenantId: event.tenant_id,
  batchId: "b",
  state: "delivered",
  round: 0,
  wakeKind: 0,
  attempts: 1,
  nextAttemptAt: null,
  deliveredAt: null,
  lastAttemptAt: null,
  lastStatusCode: 200,
  lastErrorClass: null,
  leaseRestMs: 0,
});

/** Three deliveries of one wake-up, each announced as told. */
function handler(
  announce: (outcome: DeliveryOutcome) => Promise<void>,
  turns = createTenantTurns(1),
) {
  return createWebhookDueHandler({
    turns,
    prepare: async () =>
      ["a", "b", "c"].map((id) => ({ kind: "repeat" as const, stored: stored(id) })),
    deliver: () => assert.fail("nothing is sent"),
    announce: async (outcomes) => {
      for (const outcome of outcomes) await announce(outcome);
    },
  });
}

const dead = new PermanentError("x", { code: "BODY_CHANGED" });

test("a wake-up is answered only when the last of its deliveries is done", async () => {
  const done: string[] = [];
  const slow = Promise.withResolvers<void>();
  const work = handler(async ({ deliveryId }) => {
    if (deliveryId === "a") throw dead;
    await slow.promise;
    done.push(deliveryId);
  })(event, false);
  const answered = assert.rejects(work, { code: "BODY_CHANGED" }).then(() => done.push("answered"));
  slow.resolve();
  await answered;
  assert.deepEqual(done, ["b", "c", "answered"]);
});

test("what may yet succeed comes before what never will", async () => {
  const work = handler(async ({ deliveryId }) => {
    throw deliveryId === "a" ? dead : new Error("the broker is away");
  })(event, false);
  await assert.rejects(work, /broker/);
});

test("a process that stops sends back at once what it has not begun", async () => {
  const turns = createTenantTurns(1);
  const busy = await turns.take("another");
  const work = handler(() => assert.fail("nothing is announced"), turns)(event, false);
  turns[Symbol.dispose]();
  assert.deepEqual(await work, { kind: "later", delayMs: 0 });
  busy?.leave();
});

test("the place of a wake-up is free again when it is done, and when it failed", async () => {
  const turns = createTenantTurns(1);
  const failing = handler(() => Promise.reject(new Error("the broker is away")), turns);
  await assert.rejects(failing(event, false), /broker/);
  await handler(async () => {}, turns)(event, false);
  assert.notEqual(await turns.take(event.tenant_id), null);
});
