import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, test } from "node:test";

import { createDatabase } from "@valify/database";
import { createTestDatabase } from "@valify/database/testing";
import { readLeadFile } from "@valify/lead-file";
import { deterministicUuid } from "@valify/runtime";

import type { Batch } from "./domain/batch.ts";
import { createChunkJudge } from "./domain/chunk-judge.ts";
import { countLeads, findLastStoredRow, loadLeads, storeLeads } from "./lead-queries.ts";
import { cancelRun, claimRun } from "./run-queries.ts";
import { MIXED_COUNTS, MIXED_CSV, MIXED_ROWS, newBatch, requireEnv } from "./testing/fixtures.ts";

const stack = new AsyncDisposableStack();
const database = stack.use(await createTestDatabase(requireEnv("TEST_DATABASE_URL")));
const db = stack.use(
  createDatabase({ url: database.url, role: "valify_validator", applicationName: "test" }),
);
after(() => stack.disposeAsync());

const allRows = { firstRow: 1, lastRow: MIXED_ROWS };

function judged(batch: Batch, nowMs: number, csv: string = MIXED_CSV) {
  const reading = readLeadFile(Buffer.from(csv), { maxRows: 1_000 });
  assert.equal(reading.kind, "accepted");
  const judge = createChunkJudge({
    batch,
    dialect: reading.file.dialect,
    leadUuidOf: (rowNumber) => deterministicUuid("lead", batch.batchUuid, rowNumber),
    nowMs: () => nowMs,
  });
  return judge.seal(judge.judge(reading.file.rows));
}

async function claimed(batch: Batch) {
  const leaseToken = randomUUID();
  await claimRun(db, batch, leaseToken, 10_000);
  return { batchUuid: batch.batchUuid, leaseToken };
}

test("what is loaded is what was stored, to the millisecond", async () => {
  const batch = newBatch();
  const leads = judged(batch, Date.UTC(2026, 10, 22, 10, 0, 0, 7));
  assert.equal(await storeLeads(db, await claimed(batch), batch.tenantId, leads), "stored");
  assert.deepEqual(await loadLeads(db, batch, allRows), leads);
  assert.deepEqual(await countLeads(db, batch), MIXED_COUNTS);
});

test("a row that is stored keeps its first verdict and its first instant", async () => {
  const batch = newBatch();
  const run = await claimed(batch);
  const first = judged(batch, 1_000);
  await storeLeads(db, run, batch.tenantId, first.slice(0, 3));
  assert.equal(await storeLeads(db, run, batch.tenantId, judged(batch, 2_000)), "kept");
  const stored = await loadLeads(db, batch, allRows);
  assert.deepEqual(stored.slice(0, 3), first.slice(0, 3));
  assert.equal(stored[3]?.validatedAt, "1970-01-01T00:00:02.000Z");
});

test("stores nothing for whoever does not hold the run", async () => {
  const batch = newBatch();
  const leads = judged(batch, 0);
  const run = await claimed(batch);
  const stranger = { ...run, leaseToken: randomUUID() };
  assert.equal(await storeLeads(db, stranger, batch.tenantId, leads), "stopped");
  await cancelRun(db, batch);
  assert.equal(await storeLeads(db, run, batch.tenantId, leads), "stopped");
  assert.deepEqual(await countLeads(db, batch), { valid: 0, invalid: 0, skipped: 0 });
});

test("says up to which row everything is stored", async () => {
  const batch = newBatch();
  assert.equal(await findLastStoredRow(db, batch), 0);
  await storeLeads(db, await claimed(batch), batch.tenantId, judged(batch, 0).slice(0, 5));
  assert.equal(await findLastStoredRow(db, batch), 5);
});

test("refuses to load rows that are not all there", async () => {
  const batch = newBatch();
  await storeLeads(db, await claimed(batch), batch.tenantId, judged(batch, 0).slice(0, 5));
  await assert.rejects(loadLeads(db, batch, allRows), /gap/);
});

test("no text of a file stops the insert", async () => {
  const hostile = [
    "a\0b",
    "\\u0000",
    "\u{1f600}",
    "\ufffe",
    "'); drop table x; --",
    '"{}[]"',
    "$1",
  ];
  const rows = hostile.map((text) => `${text},${text},15/03/1990`);
  const csv = ["first_name,last_name,dob", ...rows, ""].join("\n");
  const batch = newBatch();
  const leads = judged(batch, 0, csv);
  assert.equal(await storeLeads(db, await claimed(batch), batch.tenantId, leads), "stored");
  const range = { firstRow: 1, lastRow: hostile.length };
  assert.deepEqual(await loadLeads(db, batch, range), leads);
});
