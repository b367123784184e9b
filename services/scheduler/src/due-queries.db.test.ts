import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { batchIdOfUuid } from "@valify/contracts";
import { sql } from "kysely";

import { laneOf } from "./domain/lane.ts";
import { deleteDueRows } from "./due-queries.ts";
import { createErasureRequestedHandler } from "./erasure-requested-handler.ts";
import { createFixture, type SchedulerFixture } from "./test-fixture.ts";

const HOUR_MS = 3_600_000;

let fixture: SchedulerFixture;
before(async () => {
  fixture = await createFixture();
});
after(() => fixture[Symbol.asyncDispose]());

test("a wake-up stored twice is one row", async () => {
  const dueMs = Date.now() + 5 * HOUR_MS;
  const [row] = await fixture.store([dueMs]);
  await fixture.store([dueMs], { id: row?.id ?? "" });
  const { rows } = await sql`select 1 from scheduling.due where id = ${row?.id}`.execute(
    fixture.db,
  );
  assert.equal(rows.length, 1);
});

test("a wake-up long past is moved to where the loop looks", async () => {
  const [row] = await fixture.store([Date.now() - HOUR_MS]);
  const { rows } = await sql<{ late: number }>`
    select extract(epoch from now() - due_at)::float8 as late from scheduling.due
    where id = ${row?.id}`.execute(fixture.db);
  assert.ok((rows[0]?.late ?? Infinity) < 60, `moved to ${rows[0]?.late} s ago`);
});

test("the wake-ups of erased leads go, those of others at the same instant stay", async () => {
  const dueMs = Date.now() + 6 * HOUR_MS;
  const rows = await fixture.store([dueMs, dueMs, dueMs]);
  const [gone, kept, other] = rows;
  const [tenant_id = "", batchUuid = ""] = [gone?.tenantId, gone?.batchId];
  assert.equal(gone?.lane, laneOf(tenant_id, gone?.id ?? ""));
  const told: object[] = [];
  const handle = createErasureRequestedHandler({
    bus: {
      async publish(_contract, event) {
        told.push(event);
        return { stream: "BATCH", seq: 1, duplicate: false };
      },
    },
    dropWakeUps: (keys) => deleteDueRows(fixture.db, keys),
    now: () => new Date(0),
  });
  const erasure_id = "7c6b5a49-3827-5615-8403-f2e1d0cfbead";
  const leads = [gone?.id ?? "", "0b5a1f62-3c4d-5e6f-8a9b-0c1d2e3f4a5b"].map((id) => ({
    lead_uuid: id,
    batch_id: batchIdOfUuid(batchUuid),
    webhook_scheduled_for: new Date(dueMs).toISOString(),
  }));
  const event = { erasure_id, tenant_id, attempt: 2, requested_at: "", leads, tombstones: [] };
  for (let ask = 0; ask < 2; ask += 1) await handle(event);
  const left = await sql<{ id: string }>`
    select id from scheduling.due where due_at = ${new Date(dueMs)}`.execute(fixture.db);
  assert.deepEqual(new Set(left.rows.map(({ id }) => id)), new Set([kept?.id, other?.id]));
  const cleared_at = "1970-01-01T00:00:00.000Z";
  const cleared = { erasure_id, tenant_id, attempt: 2, service: "scheduler", cleared_at };
  assert.deepEqual(told, [cleared, cleared]);
});
