import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, test } from "node:test";

import { createDatabase } from "@valify/database";
import { createTestDatabase } from "@valify/database/testing";
import { sql } from "kysely";

import type { Batch } from "./domain/batch.ts";
import { housekeepingJobs } from "./housekeeping.ts";
import { errorsKeyOf, resultsKeyOf } from "./results-file.ts";
import { newBatch, requireEnv } from "./testing/fixtures.ts";

// Goal: leads and results go when their time is over, in any number, and whenever the run dies.
// Method: batches of long ago, and a run that is told another instant; nothing waits.

const DAY_MS = 86_400_000;
const NOW = new Date("2026-11-25T12:00:00Z");

const stack = new AsyncDisposableStack();
const database = stack.use(await createTestDatabase(requireEnv("TEST_DATABASE_URL")));
const db = stack.use(
  createDatabase({ url: database.url, role: "valify_validator", applicationName: "test" }),
);
after(() => stack.disposeAsync());

/** A batch whose run ended, and whose webhooks were due, these many days before `NOW`. */
async function stored(
  { endedDays, webhookDays }: { endedDays: number | null; webhookDays: number },
  rowCount = 3,
): Promise<Batch> {
  const batch = newBatch();
  const { batchUuid, tenantId } = batch;
  const endedAt = endedDays === null ? null : daysAgo(endedDays);
  await sql`
    insert into validation.runs (batch_id, tenant_id, total_leads, status, ended_at)
    values (${batchUuid}, ${tenantId}, ${rowCount},
      ${endedAt === null ? "processing" : "completed"}, ${endedAt})`.execute(db);
  await sql`
    insert into validation.leads (lead_uuid, batch_id, row_number, line_number, tenant_id, lead_id,
      slug_version, first_name, last_name, dob, status, errors, warnings, validated_at,
      webhook_scheduled_for)
    select gen_random_uuid(), ${batchUuid}, n, n, ${tenantId}, '-', 1, '-', '-', '-', 'valid',
      '[]', '[]', ${daysAgo(webhookDays + 1)}, ${daysAgo(webhookDays)}
    from generate_series(1, ${rowCount}::int) as n`.execute(db);
  return batch;
}

function daysAgo(days: number): Date {
  return new Date(NOW.getTime() - days * DAY_MS);
}

function setUp() {
  const deletedKeys: string[] = [];
  const objects = { delete: async (key: string) => void deletedKeys.push(key) };
  const [job, claimsJob] = housekeepingJobs({ db, objects, leadRetentionMs: 30 * DAY_MS });
  assert.ok(job !== undefined && claimsJob !== undefined);
  const run = (signal = new AbortController().signal) => job.run({ now: NOW, signal });
  const runClaims = () => claimsJob.run({ now: NOW, signal: new AbortController().signal });
  return { deletedKeys, run, runClaims };
}

const away = async () => Promise.reject(new Error("the store is away"));

async function leadCount({ batchUuid }: Batch): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*)::int as count from validation.leads where batch_id = ${batchUuid}`.execute(db);
  return rows[0]?.count ?? -1;
}

test("leads and results go 30 days after the last webhook, and not before", async () => {
  const over = await stored({ endedDays: 32, webhookDays: 31 });
  const notYet = await stored({ endedDays: 31, webhookDays: 29 });
  const inAYear = await stored({ endedDays: 31, webhookDays: -334 });
  const running = await stored({ endedDays: null, webhookDays: 31 });
  const { run, deletedKeys } = setUp();
  assert.deepEqual(await run(), { batches: 1, leads: 3 });
  assert.deepEqual(deletedKeys, [resultsKeyOf(over), errorsKeyOf(over)]);
  const counts = await Promise.all([over, notYet, inAYear, running].map(leadCount));
  assert.deepEqual(counts, [0, 3, 3, 3]);
  assert.deepEqual(await run(), { batches: 0, leads: 0 });
});

test("the last row decides, as the rows of a batch are judged one after the other", async () => {
  const batch = await stored({ endedDays: 31, webhookDays: 31 });
  await sql`update validation.leads set webhook_scheduled_for = ${daysAgo(29)}
    where batch_id = ${batch.batchUuid} and row_number = 3`.execute(db);
  assert.deepEqual(await setUp().run(), { batches: 0, leads: 0 });
  assert.equal(await leadCount(batch), 3);
});

test("a large batch goes in several statements", async () => {
  const batch = await stored({ endedDays: 40, webhookDays: 39 }, 10_001);
  assert.deepEqual(await setUp().run(), { batches: 1, leads: 10_001 });
  assert.equal(await leadCount(batch), 0);
});

test("a run that was cut short anywhere is done to its end by the next", async () => {
  const batch = await stored({ endedDays: 40, webhookDays: 39 });
  await assert.rejects(setUp().run(AbortSignal.abort()));
  assert.equal(await leadCount(batch), 3);
  // Killed after the rows, before the results file and the mark.
  await sql`delete from validation.leads where batch_id = ${batch.batchUuid}`.execute(db);
  const next = setUp();
  assert.deepEqual(await next.run(), { batches: 1, leads: 0 });
  assert.deepEqual(next.deletedKeys, [resultsKeyOf(batch), errorsKeyOf(batch)]);
});

test("the store away: nothing is marked, and the next run does it", async () => {
  const batch = await stored({ endedDays: 40, webhookDays: 39 });
  const [job] = housekeepingJobs({ db, objects: { delete: away }, leadRetentionMs: 30 * DAY_MS });
  const signal = new AbortController().signal;
  await assert.rejects(async () => job?.run({ now: NOW, signal }), /away/);
  const next = setUp();
  await next.run();
  assert.deepEqual(next.deletedKeys, [resultsKeyOf(batch), errorsKeyOf(batch)]);
});

test("finding what is over scans no table", async () => {
  const id = randomUUID();
  await sql`
    insert into validation.runs (batch_id, tenant_id, total_leads, status, ended_at, leads_deleted_at)
    select gen_random_uuid(), ${id}, 1, 'completed', ${daysAgo(60)}, ${daysAgo(30)}
    from generate_series(1, 5000)`.execute(db);
  await sql`analyze validation.runs`.execute(db);
  const { rows } = await sql<Record<"QUERY PLAN", string>>`
    explain select batch_id from validation.runs r
    where r.leads_deleted_at is null and r.ended_at < ${daysAgo(30)}
    order by r.ended_at limit 200`.execute(db);
  assert.match(rows.map((row) => row["QUERY PLAN"]).join("\n"), /runs_with_leads/);
});

test("claims go when no profile can look back so far, in as many statements as it takes", async () => {
  const ages = [89, 91, 400];
  await sql`
    insert into validation.lead_claims (lead_hash, tenant_id, batch_id, claimed_at, seen_at)
    select gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), ${daysAgo(500)},
      ${NOW}::timestamptz - age * interval '1 day'
    from unnest(${ages}::int[]) as age, generate_series(1, 3000)`.execute(db);
  assert.deepEqual(await setUp().runClaims(), { claims: 6_000 });
  const { rows } = await sql`select count(*)::int as count from validation.lead_claims`.execute(db);
  assert.deepEqual(rows, [{ count: 3_000 }]);
  assert.deepEqual(await setUp().runClaims(), { claims: 0 });
});
