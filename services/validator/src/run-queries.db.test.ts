import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, test } from "node:test";

import { createDatabase } from "@valify/database";
import { createTestDatabase } from "@valify/database/testing";
import { sql } from "kysely";

import type { Batch } from "./domain/batch.ts";
import {
  abandonRun,
  advanceRun,
  cancelRun,
  claimRun,
  completeRun,
  failRun,
  findRunEnd,
  releaseRun,
  renewLease,
} from "./run-queries.ts";
import { newBatch, requireEnv } from "./testing/fixtures.ts";

const LEASE_MS = 10_000;
const stack = new AsyncDisposableStack();
const database = stack.use(await createTestDatabase(requireEnv("TEST_DATABASE_URL")));
const db = stack.use(
  createDatabase({ url: database.url, role: "valify_validator", applicationName: "test" }),
);
after(() => stack.disposeAsync());

const counts = { valid: 1, invalid: 2, skipped: 0 };

async function claimed(batch: Batch) {
  const leaseToken = randomUUID();
  const claim = await claimRun(db, batch, leaseToken, LEASE_MS);
  assert.equal(claim.kind, "claimed");
  return { batchUuid: batch.batchUuid, leaseToken };
}

async function endLease({ batchUuid }: Pick<Batch, "batchUuid">) {
  await sql`update validation.runs set lease_until = clock_timestamp()
    where batch_id = ${batchUuid}`.execute(db);
}

test("one of many claimers gets a new run, the others hear how long to wait", async () => {
  const batch = newBatch();
  const claims = await Promise.all(
    Array.from({ length: 8 }, () => claimRun(db, batch, randomUUID(), LEASE_MS)),
  );
  assert.equal(claims.filter(({ kind }) => kind === "claimed").length, 1);
  for (const claim of claims) {
    if (claim.kind === "claimed") continue;
    assert.equal(claim.kind, "held");
    assert.ok(claim.restMs > 0 && claim.restMs <= LEASE_MS);
  }
});

test("one of many claimers gets a run whose lease has run out", async () => {
  const batch = newBatch();
  await claimed(batch);
  await endLease(batch);
  const claims = await Promise.all(
    Array.from({ length: 8 }, () => claimRun(db, batch, randomUUID(), LEASE_MS)),
  );
  assert.equal(claims.filter(({ kind }) => kind === "claimed").length, 1);
});

test("a claim tells the database's clock and where the run before it stopped", async () => {
  const batch = newBatch();
  const run = await claimed(batch);
  await advanceRun(db, run, { announcedRows: 3, counts }, LEASE_MS);
  await releaseRun(db, run);
  const claim = await claimRun(db, batch, randomUUID(), LEASE_MS);
  assert.equal(claim.kind, "claimed");
  assert.equal(claim.announcedRows, 3);
  const { rows } = await sql<{ startedAt: Date }>`
    select started_at as "startedAt" from validation.runs
    where batch_id = ${batch.batchUuid}`.execute(db);
  const sinceStartMs = claim.databaseMs - (rows[0]?.startedAt.getTime() ?? 0);
  assert.ok(sinceStartMs >= 0 && sinceStartMs < 60_000, `${sinceStartMs} ms`);
});

test("a renewed lease keeps others out", async () => {
  const batch = newBatch();
  const run = await claimed(batch);
  await endLease(batch);
  assert.equal(await renewLease(db, run, LEASE_MS), true);
  const claim = await claimRun(db, batch, randomUUID(), LEASE_MS);
  assert.equal(claim.kind, "held");
});

test("whoever lost the lease can write nothing any more", async () => {
  const batch = newBatch();
  const frozen = await claimed(batch);
  await endLease(batch);
  const successor = await claimed(batch);
  assert.equal(await renewLease(db, frozen, LEASE_MS), false);
  assert.equal(await releaseRun(db, frozen), false);
  assert.equal(await advanceRun(db, frozen, { announcedRows: 9, counts }, LEASE_MS), false);
  assert.equal(
    await completeRun(db, frozen, { counts, resultsKey: "results/x", errorsKey: null }),
    false,
  );
  assert.equal(await failRun(db, frozen, { code: "FILE_CHANGED", message: "" }), false);
  assert.equal(await findRunEnd(db, batch.batchUuid), undefined);
  const progress = { announcedRows: 3, counts };
  assert.equal(await advanceRun(db, successor, progress, LEASE_MS), true);
});

test("a completed run is claimed by nobody and tells its counts", async () => {
  const batch = newBatch();
  const run = await claimed(batch);
  assert.equal(
    await completeRun(db, run, { counts, resultsKey: "results/x", errorsKey: null }),
    true,
  );
  const claim = await claimRun(db, batch, randomUUID(), LEASE_MS);
  assert.equal(claim.kind, "ended");
  assert.equal(claim.end.status, "completed");
  assert.deepEqual(claim.end.counts, counts);
  assert.equal(claim.end.totalLeads, batch.totalLeads);
});

test("a failed run tells why", async () => {
  const batch = newBatch();
  const failure = { code: "OBJECT_MISSING", message: "The file is gone" } as const;
  assert.equal(await failRun(db, await claimed(batch), failure), true);
  const end = await findRunEnd(db, batch.batchUuid);
  assert.equal(end?.status, "failed");
  assert.deepEqual(end.failure, failure);
});

test("a cancelled run stops its holder, and one cancelled first never starts", async () => {
  const started = newBatch();
  const run = await claimed(started);
  await cancelRun(db, started);
  assert.equal(await advanceRun(db, run, { announcedRows: 3, counts }, LEASE_MS), false);

  const early = newBatch();
  await cancelRun(db, early);
  for (const batch of [started, early]) {
    await cancelRun(db, batch); // a repeat changes nothing
    const claim = await claimRun(db, batch, randomUUID(), LEASE_MS);
    assert.deepEqual(claim, { kind: "ended", end: { status: "cancelled" } });
  }
});

test("cancelling or abandoning leaves a completed run as it is", async () => {
  const batch = newBatch();
  await completeRun(db, await claimed(batch), { counts, resultsKey: "results/x", errorsKey: null });
  await cancelRun(db, batch);
  await abandonRun(db, batch, { code: "VALIDATION_ABANDONED", message: "" });
  assert.equal((await findRunEnd(db, batch.batchUuid))?.status, "completed");
});

test("abandoning fails a run that somebody holds, and one that never started", async () => {
  const failure = { code: "VALIDATION_ABANDONED", message: "no attempt succeeded" } as const;
  const held = newBatch();
  const run = await claimed(held);
  const unknown = newBatch();
  for (const batch of [held, unknown]) {
    await abandonRun(db, batch, failure);
    const end = await findRunEnd(db, batch.batchUuid);
    assert.equal(end?.status, "failed");
    assert.deepEqual(end.failure, failure);
  }
  assert.equal(await renewLease(db, run, LEASE_MS), false);
});
