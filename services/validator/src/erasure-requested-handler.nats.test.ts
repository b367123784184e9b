import assert from "node:assert/strict";
import { after, test } from "node:test";

import { type BatchUploaded, type ErasureRequested, uuidOfBatchId } from "@valify/contracts";
import { createLeadHash } from "@valify/database";
import { readObject } from "@valify/runtime";
import { sql } from "kysely";

import { CHUNK_ROWS, createBatchUploadedHandler, LEASE_MS } from "./batch-uploaded-handler.ts";
import { batchOfEvent } from "./domain/batch.ts";
import { createErasureRequestedHandler } from "./erasure-requested-handler.ts";
import { loadLeads } from "./lead-queries.ts";
import { MIXED_CSV, MIXED_ROWS, TEST_SECRET_KEY } from "./testing/fixtures.ts";
import { type Moment, mortal } from "./testing/mortal.ts";
import { startWorld } from "./testing/world.ts";

// Goal: of an erased lead nothing is left that validator wrote, and all else is as it was.
// Method: the mixed file, whose first and fifth rows are the same person; both are erased.

const world = await startWorld();
after(() => world[Symbol.asyncDispose]());
const { db, objects, bus } = world.deps;
const limits = { bytesMax: 1e6, rowsMax: 1_000 };
const leadHash = createLeadHash(TEST_SECRET_KEY);
const PERSON = "zelka.vlorena.15031990";
/** Of that person alone. */
const TRACES = /zelka,?/i;

const validate = createBatchUploadedHandler(world.deps, {
  limits,
  chunkRows: CHUNK_ROWS,
  leaseMs: LEASE_MS,
});
const deps = { db, bus, objects, limits, now: () => new Date() };
const erase = createErasureRequestedHandler(deps);

async function validated(overrides: Partial<BatchUploaded> = {}): Promise<BatchUploaded> {
  const event = await world.upload(MIXED_CSV, overrides);
  await validate(event);
  return event;
}

async function rowsOf(event: BatchUploaded) {
  return loadLeads(db, batchOfEvent(event), { firstRow: 1, lastRow: MIXED_ROWS });
}

async function requestFor(event: BatchUploaded): Promise<ErasureRequested> {
  const leads = (await rowsOf(event)).filter(({ leadId }) => leadId === PERSON);
  assert.equal(leads.length, 2);
  return {
    erasure_id: "7c6b5a49-3827-5615-8403-f2e1d0cfbead",
    tenant_id: event.tenant_id,
    attempt: 1,
    requested_at: new Date().toISOString(),
    leads: leads.map(({ leadUuid, webhookScheduledFor }) => ({
      lead_uuid: leadUuid,
      batch_id: event.batch_id,
      webhook_scheduled_for: webhookScheduledFor,
    })),
    tombstones: [leadHash(event.tenant_id, PERSON)],
  };
}

async function errorsOf(event: BatchUploaded) {
  return (await rowsOf(event)).map(({ errors }) => errors.map(({ code }) => code));
}

/** Everything of a batch that anybody can read. */
async function everythingOf(event: BatchUploaded): Promise<string> {
  const parts = [
    JSON.stringify(await rowsOf(event)),
    JSON.stringify(await world.leadsAnnounced(event.batch_id)),
    await world.resultsOf(event),
    await world.errorsOf(event),
  ];
  return parts.join("\n");
}

async function assertErased(event: BatchUploaded): Promise<void> {
  assert.doesNotMatch(await everythingOf(event), TRACES);
  const rows = await rowsOf(event);
  assert.deepEqual(
    rows.filter(({ leadId }) => leadId === "erased").map(({ rowNumber }) => rowNumber),
    [1, 5],
  );
  assert.match((await world.resultsOf(event)) ?? "", /\r\n,,,5,,erased,,,\r\n/);
  const claimed = await sql`select from validation.lead_claims
    where lead_hash = ${leadHash(event.tenant_id, PERSON)}`.execute(db);
  assert.equal(claimed.rows.length, 0);
}

test("rows, results, errors and announcements of a person go, and those of others stay", async () => {
  const event = await validated();
  const before = { rows: await rowsOf(event), results: await world.resultsOf(event) };
  assert.match(await everythingOf(event), TRACES);
  const request = await requestFor(event);
  assert.equal(await erase(request), undefined);
  await assertErased(event);

  const others = (rows: typeof before.rows) =>
    rows.filter((row) => ![1, 5].includes(row.rowNumber));
  assert.deepEqual(others(await rowsOf(event)), others(before.rows));
  const statuses = (rows: typeof before.rows) => rows.map(({ status }) => status);
  assert.deepEqual(statuses(await rowsOf(event)), statuses(before.rows), "every count still fits");
  const lines = before.results?.split("\r\n") ?? [];
  const now = (await world.resultsOf(event))?.split("\r\n") ?? [];
  assert.deepEqual(
    now.filter((line) => !line.includes(",erased,")),
    lines.filter((line) => !TRACES.test(line)),
  );
  assert.equal((await world.leadsAnnounced(event.batch_id)).length, 4);
});

test("the same person uploaded again is refused and not kept, and only by the tenant they asked", async () => {
  const event = await validated();
  await erase(await requestFor(event));
  const again = await validated({ tenant_id: event.tenant_id });
  const codes = await errorsOf(again);
  assert.deepEqual(codes[0], ["SUPPRESSED_ERASED"]);
  assert.ok(codes.slice(1, 4).every((ofRow) => !ofRow.includes("SUPPRESSED_ERASED")));
  assert.deepEqual((await errorsOf(await validated()))[0], []);

  assert.doesNotMatch(await everythingOf(again), TRACES);
  const announced = await world.leadsAnnounced(again.batch_id);
  assert.deepEqual(new Set(announced.map(({ body }) => body.row)), new Set([2, 4, 6, 7]));
  const results = (await world.resultsOf(again)) ?? "";
  const refused = "invalid,SUPPRESSED_ERASED,This person asked to be erased,";
  assert.ok(results.includes(`\r\n,,,1,erased,${refused}\r\n`), results);
});

test("a batch at work is looked at again when it has ended, its rows are overwritten at once", async () => {
  const event = await validated();
  const request = await requestFor(event);
  const setStatus = (status: string) =>
    sql`update validation.runs set status = ${status}
      where batch_id = ${uuidOfBatchId(event.batch_id)}`.execute(db);
  await setStatus("processing");
  assert.equal((await erase(request))?.kind, "later");
  assert.doesNotMatch(JSON.stringify(await rowsOf(event)), TRACES);
  await setStatus("completed");
  await erase(request);
  await assertErased(event);
});

test("a person of whom nothing is held is refused from then on", async () => {
  const event = await world.upload(MIXED_CSV);
  const { tenant_id: tenantId } = event;
  const tombstones = [leadHash(tenantId, PERSON)];
  const request = { erasure_id: "7c6b5a49-3827-5615-8403-f2e1d0cfbeae", attempt: 1, leads: [] };
  const requested_at = new Date().toISOString();
  await erase({ ...request, tenant_id: tenantId, requested_at, tombstones });
  await validate(event);
  assert.equal((await rowsOf(event))[0]?.errors[0]?.code, "SUPPRESSED_ERASED");
});

test("files whose retention ends meanwhile do not come back", async () => {
  const event = await validated();
  const request = await requestFor(event);
  const { batchUuid } = batchOfEvent(event);
  const put: typeof objects.put = async (key, bytes) => {
    // Housekeeping was there between our reading and our writing.
    await sql`delete from validation.leads where batch_id = ${batchUuid}`.execute(db);
    await objects.put(key, bytes);
  };
  await createErasureRequestedHandler({ ...deps, objects: { ...objects, put } })(request);
  assert.equal(await world.resultsOf(event), undefined);
  assert.equal(await world.errorsOf(event), undefined);
});

// Killed before or after every touch of Postgres, the object store or the broker, then done again.
for (const moment of ["before", "after"] satisfies Moment[]) {
  test(`whoever dies ${moment} any of its steps, the next one ends it`, async () => {
    const LAST_EFFECT_MAX = 40;
    for (let fatal = 1; ; fatal += 1) {
      assert.ok(fatal < LAST_EFFECT_MAX, "it ends");
      const event = await validated();
      const request = await requestFor(event);
      const dying = mortal(world.deps, fatal, moment);
      const mine = { ...dying.deps, bus: { ...dying.deps.bus, connection: bus.connection } };
      const dies = createErasureRequestedHandler({ ...deps, ...mine });
      await dies(request).catch(() => {});
      const hasDied = !dying.isAlive();
      await erase(request);
      await assertErased(event);
      if (!hasDied) return;
    }
  });
}

test("what lies in the store under other keys is not touched", async () => {
  const event = await validated();
  await erase(await requestFor(event));
  const upload = await readObject(objects, event.object_key, 1e6);
  assert.match(Buffer.from(upload ?? []).toString(), TRACES, "the upload is ingest's to delete");
});
