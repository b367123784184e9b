import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";

import { batchIdOfUuid, type LeadValidated, type WebhookRetry } from "@valify/contracts";
import { sql } from "kysely";

import type { NewDueRow } from "./due-queries.ts";
import { createLeadValidatedHandler } from "./lead-validated-handler.ts";
import { createWakeUpStore } from "./store-wake-ups.ts";
import { createFixture, type SchedulerFixture } from "./test-fixture.ts";
import { createWebhookRetryHandler } from "./webhook-retry-handler.ts";

const SECOND_MS = 1_000;
const DAY_MS = 86_400_000;
const TENANT = "5f0c6a52-6a7e-4a51-9a3e-0d7a1b2c3d4e";
const ID = "0b5a1f62-3c4d-4e6f-8a9b-0c1d2e3f4a5b";
const BATCH = "018f3b1e-0000-7000-8000-000000000001";

function createStore({ db, leaves }: SchedulerFixture, onStored = (_dueMs: number) => {}) {
  return createWakeUpStore({ db, leaves, onStored });
}

function row(dueMs: number): NewDueRow {
  const ids = { id: randomUUID(), tenantId: TENANT, batchId: BATCH };
  return { ...ids, dueAt: new Date(dueMs).toISOString(), round: 0, lane: 4, kind: 0 };
}

test("wake-ups from seconds to a year ahead are stored, and the earliest is told", async () => {
  await using fixture = await createFixture();
  const told: number[] = [];
  const store = createStore(fixture, (dueMs) => told.push(dueMs));
  const nowMs = Date.now();
  const aheadMs = [2 * SECOND_MS, DAY_MS, 3 * DAY_MS, 90 * DAY_MS, 365 * DAY_MS];
  await Promise.all(aheadMs.map((ms) => store.add(row(nowMs + ms))));
  assert.equal(await fixture.count("scheduling.due"), aheadMs.length);
  assert.equal(Math.min(...told), nowMs + 2 * SECOND_MS);
});

test("one beyond every delay is refused for good, and fails no other", async () => {
  await using fixture = await createFixture();
  const store = createStore(fixture);
  const good = store.add(row(Date.now() + DAY_MS));
  await assert.rejects(store.add(row(Date.now() + 500 * DAY_MS)), { code: "DUE_TOO_FAR" });
  await good;
  assert.equal(await fixture.count("scheduling.due"), 1);
});

test("the instant is the event's own: a delay changed since applies to new events alone", async () => {
  await using fixture = await createFixture();
  const store = createStore(fixture);
  const handle = createLeadValidatedHandler((each) => store.add(each));
  const dueAt = new Date(Date.now() + DAY_MS).toISOString();
  const lead: LeadValidated = {
    id: "x",
    first_name: "x",
    last_name: "x",
    dob: "01/01/2000",
    validation_status: "valid",
    validation_timestamp: new Date().toISOString(),
    batch_id: batchIdOfUuid(BATCH),
    webhook_scheduled_for: dueAt,
    lead_uuid: randomUUID(),
    row: 1,
    errors: [],
    warnings: [],
    tenant_id: TENANT,
    validator_version: "1",
  };
  await handle(lead);
  await handle(lead);
  const { rows } = await sql<{ dueAt: Date; round: number; kind: number }>`
    select due_at as "dueAt", round, kind from scheduling.due`.execute(fixture.db);
  assert.deepEqual(rows, [{ dueAt: new Date(dueAt), round: 0, kind: 0 }]);
});

test("a retry, a deferral, a replay and a recovery are stored as what they are", async () => {
  await using fixture = await createFixture();
  const store = createStore(fixture);
  const handle = createWebhookRetryHandler((each) => store.add(each));
  const wakeUps: readonly WebhookRetry[] = ([1, 2, 3, 4] as const).map((kind) => ({
    id: ID,
    kind,
    round: 4 + kind,
    tenant_id: TENANT,
    batch_id: batchIdOfUuid(BATCH),
    not_before: new Date(Date.now() + kind * SECOND_MS).toISOString(),
  }));
  // A redelivery each.
  for (const event of [...wakeUps, ...wakeUps]) await handle(event);
  const { rows } = await sql<{ dueAt: Date; round: number; kind: number }>`
    select due_at as "dueAt", round, kind from scheduling.due order by round`.execute(fixture.db);
  assert.deepEqual(
    rows,
    wakeUps.map(({ not_before: dueAt, round, kind }) => ({ dueAt: new Date(dueAt), round, kind })),
  );
});
