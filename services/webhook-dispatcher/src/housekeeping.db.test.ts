import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, beforeEach, test } from "node:test";

import { createDatabase, ensurePartition, listPartitions } from "@valify/database";
import { createTestDatabase, requireEnv } from "@valify/database/testing";
import { sql } from "kysely";

import { housekeepingJobs } from "./housekeeping.ts";

// Goal: attempts go a day at a time when their time is over, whenever the run before died.
// Method: days of long ago, and a run that is told its instant; nothing waits.

const DAY_MS = 86_400_000;
const NOW = new Date("2026-11-25T12:00:00Z");

const database = await createTestDatabase(requireEnv("TEST_DATABASE_URL"));
const db = createDatabase({
  url: database.url,
  role: "valify_dispatcher",
  applicationName: "test",
});
after(async () => {
  await db.destroy();
  await database[Symbol.asyncDispose]();
});
beforeEach(async () => {
  for (const { name } of await listPartitions(db, "delivery.attempts")) {
    await sql`drop table ${sql.table(name)}`.execute(db);
  }
});

/** A day's partition with an attempt in it. Returns its name. */
async function day(date: string): Promise<string> {
  const from = new Date(`${date}T00:00:00Z`);
  const name = `delivery.attempts_${date.replaceAll("-", "")}`;
  const to = new Date(from.getTime() + DAY_MS);
  await ensurePartition(db, { parent: "delivery.attempts", name, from, to });
  const id = randomUUID();
  await sql`
    insert into delivery.attempts (delivery_id, attempt, round, kind, tenant_id, endpoint_id,
      due_at, started_at, duration_ms, outcome)
    values (${id}, 1, 0, 0, ${id}, ${id}, ${from}, ${from}, 1, 'delivered')`.execute(db);
  return name;
}

async function run(signal = new AbortController().signal) {
  const [job] = housekeepingJobs({ db, attemptRetentionMs: 30 * DAY_MS });
  assert.ok(job !== undefined);
  return job.run({ now: NOW, signal });
}

async function names(): Promise<readonly string[]> {
  return (await listPartitions(db, "delivery.attempts")).map(({ name }) => name);
}

test("a day is dropped once its last attempt is 30 days old, and not before", async () => {
  await day("2026-09-01");
  await day("2026-10-25");
  const kept = [await day("2026-10-26"), await day("2026-11-25")];
  assert.deepEqual(await run(), { days: 2 });
  assert.deepEqual(await names(), kept);
  assert.deepEqual(await run(), { days: 0 });
  const { rows } = await sql`select 1 from delivery.attempts`.execute(db);
  assert.equal(rows.length, 2);
});

test("what a killed run left detached is dropped by the next", async () => {
  const name = await day("2026-09-01");
  await sql`alter table delivery.attempts detach partition ${sql.table(name)}`.execute(db);
  assert.deepEqual(await run(), { days: 1 });
  assert.deepEqual(await names(), []);
});

test("a run that is told to stop drops nothing more", async () => {
  const name = await day("2026-09-01");
  await assert.rejects(run(AbortSignal.abort()));
  assert.deepEqual(await names(), [name]);
});
