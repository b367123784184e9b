import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { sql } from "kysely";

import { leafOf } from "./domain/leaf.ts";
import { type Claim, claimDueRows, probeLeaf, tombstoneBatch } from "./due-queries.ts";
import { createFixture, type SchedulerFixture } from "./test-fixture.ts";

let fixture: SchedulerFixture;
before(async () => {
  fixture = await createFixture();
});
after(() => fixture[Symbol.asyncDispose]());

/** A leaf of its own for each test: hours far ahead of now, so that look-ahead decides. */
let hoursAhead = 3;
async function freshLeaf() {
  hoursAhead += 1;
  const leaf = leafOf(Date.now() + hoursAhead * 3_600_000);
  const claim: Claim = {
    leaf,
    from: leaf.from,
    lookAheadMs: (hoursAhead + 2) * 3_600_000,
    limit: 512,
    limitPerLane: 128,
    firstLane: 0,
  };
  return { leaf, claim, at: (index: number) => leaf.from.getTime() + index };
}

const count = async (table: string) => {
  const { rows } = await sql<{ count: number }>`select count(*) from ${sql.table(table)}`.execute(
    fixture.db,
  );
  return rows[0]?.count;
};

test("a wake-up stored twice is one row", async () => {
  const { leaf, at } = await freshLeaf();
  const [row] = await fixture.store([at(1)]);
  await fixture.store([at(1)], { id: row?.id ?? "" });
  assert.equal(await count(leaf.name), 1);
});

test("two open claims never hold the same row, and a rollback gives all back", async () => {
  const { leaf, claim, at } = await freshLeaf();
  const stored = await fixture.store(Array.from({ length: 300 }, (_, index) => at(index)));
  const first = await fixture.claimDb.startTransaction().execute();
  const second = await fixture.claimDb.startTransaction().execute();
  const mine = await claimDueRows(first, { ...claim, limit: 200 });
  const yours = await claimDueRows(second, claim);
  assert.equal(mine.length, 200);
  assert.equal(yours.length, 100);
  assert.equal(new Set([...mine, ...yours].map(({ id }) => id)).size, stored.length);
  await first.rollback().execute();
  await second.commit().execute();
  assert.equal(await count(leaf.name), 200);
});

test("a claim takes at most its share of each lane, so that no tenant's herd blocks another", async () => {
  const { claim, at } = await freshLeaf();
  const herd = "5f0c6a52-6a7e-4a51-9a3e-0d7a1b2c3d4e";
  const other = "a3bb189e-8bf9-4c9a-9f6c-1f2e3d4c5b6a";
  await fixture.store(
    Array.from({ length: 400 }, () => at(0)),
    { tenantId: herd },
  );
  await fixture.store([at(5)], { tenantId: other });
  const trx = await fixture.claimDb.startTransaction().execute();
  const rows = await claimDueRows(trx, { ...claim, limit: 100, limitPerLane: 20 });
  await trx.rollback().execute();
  assert.equal(rows.filter(({ tenantId }) => tenantId === herd).length, 80);
  assert.equal(rows.filter(({ tenantId }) => tenantId === other).length, 1);
});

test("a claim tells the due instant to the microsecond and never takes a later row", async () => {
  const { leaf, claim, at } = await freshLeaf();
  await fixture.store([at(0)]);
  await sql`update ${sql.table(leaf.name)} set due_at = due_at + interval '7 microseconds'`.execute(
    fixture.db,
  );
  const trx = await fixture.claimDb.startTransaction().execute();
  const early = await claimDueRows(trx, { ...claim, lookAheadMs: 1 });
  const [row] = await claimDueRows(trx, claim);
  await trx.rollback().execute();
  assert.equal(early.length, 0);
  assert.equal(row?.dueUs, at(0) * 1_000 + 7);
});

test("rows of a cancelled batch are claimed and marked, so that they go without being sent", async () => {
  const { claim, at } = await freshLeaf();
  const batchId = "018f3b1e-0000-7000-8000-00000000cafe";
  await fixture.store([at(0)], { batchId });
  await fixture.store([at(1)]);
  await tombstoneBatch(fixture.db, batchId);
  await tombstoneBatch(fixture.db, batchId);
  const trx = await fixture.claimDb.startTransaction().execute();
  const rows = await claimDueRows(trx, claim);
  await trx.rollback().execute();
  assert.deepEqual(
    rows.toSorted((a, b) => a.dueUs - b.dueUs).map(({ cancelled }) => cancelled),
    [true, false],
  );
});

test("a probe finds a due row and tells the database's time", async () => {
  const { claim, at } = await freshLeaf();
  await fixture.store([at(0)]);
  const found = await probeLeaf(fixture.claimDb, claim);
  const early = await probeLeaf(fixture.claimDb, { ...claim, lookAheadMs: 1 });
  assert.equal(found.found, true);
  assert.equal(early.found, false);
  assert.ok(Math.abs(found.databaseUs / 1_000 - Date.now()) < 60_000);
});

test("a wake-up long past is moved to where the loop looks", async () => {
  const [row] = await fixture.store([Date.now() - 3_600_000]);
  const { rows } = await sql<{ late: number }>`
    select extract(epoch from now() - due_at)::float8 as late from scheduling.due
    where id = ${row?.id}`.execute(fixture.db);
  assert.ok((rows[0]?.late ?? Infinity) < 60, `moved to ${rows[0]?.late} s ago`);
});

test("the claim walks the index, never the table, whatever the statistics say", async () => {
  const { leaf, claim, at } = await freshLeaf();
  await fixture.store(Array.from({ length: 2_000 }, (_, index) => at(index)));
  const trx = await fixture.claimDb.startTransaction().execute();
  const { rows } = await sql<{ "QUERY PLAN": string }>`
    explain delete from ${sql.table(leaf.name)} as d where d.ctid = any (array(
      select x.ctid from generate_series(0, 15) as s (i) cross join lateral (
        select t.ctid from ${sql.table(leaf.name)} as t
        where t.lane = s.i and t.due_at >= ${claim.from}
          and t.due_at < statement_timestamp() + interval '1 second'
        order by t.due_at, t.id limit 128 for update skip locked) as x
      limit 512))`.execute(trx);
  await trx.rollback().execute();
  const plan = rows.map((row) => row["QUERY PLAN"]).join("\n");
  assert.doesNotMatch(plan, /Seq Scan/);
  assert.match(plan, /Index Scan using due_\d+_pkey/);
  assert.match(plan, /Tid Scan/);
});
