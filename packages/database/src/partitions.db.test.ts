import assert from "node:assert/strict";
import { after, test } from "node:test";

import { sql } from "kysely";

import { createDatabase, type ServiceRole } from "./create-database.ts";
import { ensurePartition, type Partition } from "./partitions.ts";
import { createTestDatabase, requireEnv } from "./testing.ts";

const database = await createTestDatabase(requireEnv("TEST_DATABASE_URL"));
const db = open("valify_scheduler");
after(async () => {
  await db.destroy();
  await database[Symbol.asyncDispose]();
});

function open(role: ServiceRole) {
  return createDatabase({ url: database.url, role, applicationName: "valify-test" });
}

function hour(number: number): Partition {
  return {
    parent: "scheduling.due",
    name: `scheduling.due_h${number}`,
    from: new Date(Date.UTC(2024, 0, 15, number)),
    to: new Date(Date.UTC(2024, 0, 15, number + 1)),
  };
}

function insertDue(at: Date) {
  const id = "0b5a1f62-3c4d-5e6f-8a9b-0c1d2e3f4a5b";
  const row = { due_at: at, id, tenant_id: id, batch_id: id, round: 0, lane: 3, kind: 0 };
  return db.insertInto("scheduling.due").values(row).execute();
}

async function leaves(): Promise<readonly string[]> {
  const { rows } = await sql<{ name: string }>`
    select inhrelid::regclass::text as name from pg_inherits
    where inhparent = 'scheduling.due'::regclass order by 1`.execute(db);
  return rows.map(({ name }) => name);
}

test("a row finds its place once its partition is made, and none before", async () => {
  const { from, to } = hour(1);
  await assert.rejects(insertDue(from), { code: "23514" });
  await ensurePartition(db, hour(1));
  await insertDue(from);
  await insertDue(new Date(to.getTime() - 1));
  await assert.rejects(insertDue(to), { code: "23514" });
});

test("a partition keeps the parent's primary key", async () => {
  await ensurePartition(db, hour(2));
  await insertDue(hour(2).from);
  await assert.rejects(insertDue(hour(2).from), { code: "23505" });
});

test("many processes that make one partition at once make one", async () => {
  const pools = Array.from({ length: 4 }, () => open("valify_scheduler"));
  await Promise.all([...pools, ...pools].map((pool) => ensurePartition(pool, hour(3))));
  await Promise.all(pools.map((pool) => pool.destroy()));
  assert.deepEqual(
    (await leaves()).filter((name) => name === "scheduling.due_h3"),
    ["scheduling.due_h3"],
  );
});

test("neighbouring partitions are made at the same time", async () => {
  const hours = [4, 5, 6, 7, 8];
  await Promise.all(hours.map((number) => ensurePartition(db, hour(number))));
  const names = await leaves();
  for (const number of hours) assert.ok(names.includes(`scheduling.due_h${number}`));
});

test("making a partition waits for no reader and no writer of the others", async () => {
  await ensurePartition(db, hour(9));
  await db.transaction().execute(async (trx) => {
    await trx.selectFrom("scheduling.due").select("id").execute();
    const id = "0b5a1f62-3c4d-5e6f-8a9b-0c1d2e3f4a5c";
    const row = {
      due_at: hour(9).from,
      id,
      tenant_id: id,
      batch_id: id,
      round: 0,
      lane: 0,
      kind: 0,
    };
    await trx.insertInto("scheduling.due").values(row).execute();
    // With `create … partition of` this would wait for this very transaction, for ever.
    await ensurePartition(db, hour(10));
  });
  assert.ok((await leaves()).includes("scheduling.due_h10"));
});

test("storage parameters reach the partition", async () => {
  await ensurePartition(db, { ...hour(11), storage: "fillfactor = 71" });
  const { rows } = await sql`
    select reloptions from pg_class where oid = 'scheduling.due_h11'::regclass`.execute(db);
  assert.deepEqual(rows, [{ reloptions: ["fillfactor=71"] }]);
});

test("the owner of a parent drops its partitions again", async () => {
  await ensurePartition(db, hour(12));
  await sql`drop table scheduling.due_h12`.execute(db);
  assert.equal((await leaves()).includes("scheduling.due_h12"), false);
});

test("a role that does not own the parent makes no partition of it", async () => {
  await using stranger = open("valify_validator");
  await assert.rejects(ensurePartition(stranger, hour(13)), { code: "42501" });
});

test("the dispatcher makes the partitions of its attempts", async () => {
  await using dispatcher = open("valify_dispatcher");
  const day = { from: new Date(Date.UTC(2024, 0, 15)), to: new Date(Date.UTC(2024, 0, 16)) };
  await ensurePartition(dispatcher, {
    parent: "delivery.attempts",
    name: "delivery.attempts_20240115",
    ...day,
  });
  const { rows } = await sql`
    select to_regclass('delivery.attempts_20240115') is not null as made`.execute(dispatcher);
  assert.deepEqual(rows, [{ made: true }]);
});
