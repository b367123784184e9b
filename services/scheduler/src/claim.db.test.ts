import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import type { Connection } from "@valify/database";
import { sql } from "kysely";

import { beginClaim, claimDueRows, commitClaim, probeLeaf, putBackRows } from "./claim-queries.ts";
import {
  type Claim,
  claimPastStatement,
  claimStatement,
  probeStatement,
  type Statement,
} from "./claim-statement.ts";
import { DUE_HOURS, leafOf } from "./domain/leaf.ts";
import { createFixture, type SchedulerFixture } from "./test-fixture.ts";
import { tombstoneBatch } from "./tombstones.ts";

const HOUR_MS = 3_600_000;

let fixture: SchedulerFixture;
before(async () => {
  fixture = await createFixture();
});
after(() => fixture[Symbol.asyncDispose]());

/** A leaf of its own for each test: hours far ahead of now, so that look-ahead decides. */
let hoursAhead = 3;
async function freshLeaf() {
  hoursAhead += 1;
  const leaf = leafOf(DUE_HOURS, Date.now() + hoursAhead * HOUR_MS);
  const claim: Claim = {
    leaf,
    from: leaf.from,
    lookAheadMs: (hoursAhead + 2) * HOUR_MS,
    limit: 512,
    limitPerLane: 128,
    firstLane: 0,
    withoutTenants: [],
  };
  return { leaf, claim, at: (index: number) => leaf.from.getTime() + index };
}

/** What a transaction that is rolled back afterwards sees. */
async function inClaim<Result>(
  work: (client: Connection) => Promise<Result>,
  begin: (client: Connection) => Promise<unknown> = (client) => client.query("begin"),
): Promise<Result> {
  const client = await fixture.pool.connect();
  try {
    await begin(client);
    return await work(client);
  } finally {
    await client.query("rollback");
    client.release();
  }
}

test("two open claims never hold the same row, and a rollback gives all back", async () => {
  const { leaf, claim, at } = await freshLeaf();
  const stored = await fixture.store(Array.from({ length: 300 }, (_, index) => at(index)));
  await inClaim(async (first) => {
    const { rows: mine } = await claimDueRows(first, { ...claim, limit: 200 });
    const second = await fixture.pool.connect();
    await second.query("begin");
    const { rows: yours } = await claimDueRows(second, claim);
    assert.equal(mine.length, 200);
    assert.equal(yours.length, 100);
    assert.equal(new Set([...mine, ...yours].map(({ id }) => id)).size, stored.length);
    await commitClaim(second, undefined);
    second.release();
  });
  assert.equal(await fixture.count(leaf.name), 200);
});

test("a committed claim is in the ledger with its mark, one that is rolled back in neither", async () => {
  const { claim, at } = await freshLeaf();
  const batchId = "018f3b1e-0000-7000-8000-000000000099";
  const stored = await fixture.store([at(0), at(1)], { batchId });
  await inClaim((client) => claimDueRows(client, claim));
  const ledger = () =>
    sql<{ id: string }>`select id from scheduling.emitted where batch_id = ${batchId}`.execute(
      fixture.db,
    );
  assert.equal((await ledger()).rows.length, 0);
  await inClaim(async (client) => {
    await claimDueRows(client, claim);
    await commitClaim(client, { streamSeq: 77, messageId: `${stored[0]?.id}:0:webhook.due` });
  });
  const ids = (await ledger()).rows.map(({ id }) => id);
  assert.deepEqual(ids.toSorted(), stored.map(({ id }) => id).toSorted());
  const { rows } = await sql<{ streamSeq: number }>`
    select stream_seq as "streamSeq" from scheduling.publish_mark
    where msg_id like ${`${stored[0]?.id}%`}`.execute(fixture.db);
  assert.deepEqual(rows, [{ streamSeq: 77 }]);
});

test("a mark that would need quoting is refused", async () => {
  await inClaim(async (client) => {
    const mark = { streamSeq: 1, messageId: "x'); drop table scheduling.due; --" };
    await assert.rejects(commitClaim(client, mark), /not a publish mark/);
  });
});

test("rows put back are what they were, to the microsecond", async () => {
  const { leaf, claim, at } = await freshLeaf();
  await fixture.store([at(0), at(1)], { round: 3, kind: 2 });
  await sql`update ${sql.table(leaf.name)} set due_at = due_at + interval '7 microseconds'`.execute(
    fixture.db,
  );
  const stored = await sql`select * from ${sql.table(leaf.name)} order by id`.execute(fixture.db);
  await inClaim(async (client) => {
    const { rows } = await claimDueRows(client, claim);
    assert.equal(rows.length, 2);
    await putBackRows(client, rows);
    await commitClaim(client, undefined);
  });
  const putBack = await sql`select * from ${sql.table(leaf.name)} order by id`.execute(fixture.db);
  assert.deepEqual(putBack.rows, stored.rows);
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
  await inClaim(async (client) => {
    const { rows } = await claimDueRows(client, { ...claim, limit: 100, limitPerLane: 20 });
    assert.equal(rows.filter(({ tenantId }) => tenantId === herd).length, 80);
    assert.equal(rows.filter(({ tenantId }) => tenantId === other).length, 1);
  });
});

test("a claim past a herd reads each page once, takes all others, and is one replica's", async () => {
  const { leaf, claim: plain, at } = await freshLeaf();
  const herd = "5f0c6a52-6a7e-4a51-9a3e-0d7a1b2c3d4e";
  const claim = { ...plain, withoutTenants: [herd] };
  const instant = Array.from({ length: 2_000 }, () => at(0));
  for (let part = 0; part < 5; part += 1) await fixture.store(instant, { tenantId: herd });
  const others = await Promise.all(
    ["a3bb189e-8bf9-4c9a-9f6c-1f2e3d4c5b6a", "a3bb189e-8bf9-4c9a-9f6c-1f2e3d4c5b6b"].map(
      (tenantId) => fixture.store([at(0), at(5)], { tenantId }),
    ),
  );
  const past = async (client: Connection) => {
    const { rows } = await claimDueRows(client, claim);
    assert.deepEqual(
      rows.map(({ id }) => id).toSorted(),
      others
        .flat()
        .map(({ id }) => id)
        .toSorted(),
    );
    // A claim beside it takes none of those, and may not read past the herd a second time.
    await inClaim(async (beside) => {
      const { rows: mine } = await claimDueRows(beside, plain);
      assert.equal(mine.length, 512);
      assert.ok(mine.every(({ tenantId }) => tenantId === herd));
    });
    await inClaim(
      async () => {},
      async (second) => assert.equal(await beginClaim(second, claim), false),
    );
    const plan = await keptPlan(client, claimPastStatement(claim), "analyze, buffers");
    assert.match(
      plan,
      /Bitmap Index Scan on due_\d+_pkey[\s\S]*Index Cond: \(\(lane = ANY .*due_at/,
    );
    assert.doesNotMatch(plan, /Seq Scan on due/);
    const read = /Buffers: shared hit=(\d+)/.exec(plan)?.[1];
    // 10,000 rows, some 130 pages and as many of the index; one read a row along the index.
    assert.ok(Number(read) < 2_000, `${read} pages read\n${plan}`);
  };
  await inClaim(past, (client) => beginClaim(client, claim));
  assert.equal(await fixture.count(leaf.name), 10_004);
});

test("a claim tells the due instant to the microsecond and never takes a later row", async () => {
  const { leaf, claim, at } = await freshLeaf();
  await fixture.store([at(0)]);
  await sql`update ${sql.table(leaf.name)} set due_at = due_at + interval '7 microseconds'`.execute(
    fixture.db,
  );
  await inClaim(async (client) => {
    const early = await claimDueRows(client, { ...claim, lookAheadMs: 1 });
    const { rows } = await claimDueRows(client, claim);
    assert.equal(early.rows.length, 0);
    assert.equal(rows[0]?.dueUs, at(0) * 1_000 + 7);
  });
});

test("rows of a cancelled batch are claimed and marked, so that they go without being sent", async () => {
  const { claim, at } = await freshLeaf();
  const batchId = "018f3b1e-0000-7000-8000-00000000cafe";
  await fixture.store([at(0)], { batchId });
  await fixture.store([at(1)]);
  await tombstoneBatch(fixture, batchId);
  await tombstoneBatch(fixture, batchId);
  const { rows } = await inClaim((client) => claimDueRows(client, claim));
  assert.deepEqual(
    rows.toSorted((a, b) => a.dueUs - b.dueUs).map(({ cancelled }) => cancelled),
    [true, false],
  );
});

test("a probe finds a due row and tells the database's time", async () => {
  const { claim, at } = await freshLeaf();
  await fixture.store([at(0)]);
  const found = await probeLeaf(fixture.pool, { ...claim, sweepFrom: undefined });
  const early = await probeLeaf(fixture.pool, { ...claim, lookAheadMs: 1, sweepFrom: undefined });
  assert.equal(found.found, true);
  assert.equal(early.found, false);
  assert.ok(Math.abs(found.reading.databaseUs / 1_000 - Date.now()) < 60_000);
});

test("a sweeping probe looks further back, one replica at a time", async () => {
  const { claim, at } = await freshLeaf();
  await fixture.store([at(0)]);
  const sweep = { ...claim, from: new Date(at(60_000)), sweepFrom: claim.from };
  assert.equal((await probeLeaf(fixture.pool, { ...sweep, sweepFrom: undefined })).found, false);
  assert.equal((await probeLeaf(fixture.pool, sweep)).found, true);
  await inClaim(async (sweeping) => {
    assert.equal((await probeLeaf(sweeping, sweep)).found, true);
    assert.equal((await probeLeaf(fixture.pool, sweep)).found, false);
  });
});

/** The plan that this connection keeps for the very text that the loop sends. */
async function keptPlan(client: Connection, statement: Statement, options = "costs") {
  const { name, text, values } = statement;
  // Run as the loop runs it, so that Postgres keeps the plan; then asked what it kept.
  await client.query({ name, text, values });
  const literals = values.map((value) => {
    if (value === null) return "null";
    if (Array.isArray(value)) return `'{${value.join(",")}}'`;
    return `'${value instanceof Date ? value.toISOString() : JSON.stringify(value)}'`;
  });
  const { rows } = await client.query<{ "QUERY PLAN": string }>(
    `explain (${options}) execute "${name}" (${literals.join(", ")})`,
  );
  return rows.map((row) => row["QUERY PLAN"]).join("\n");
}

test("claim and probe walk the index, planned on an empty leaf and kept for a full one", async () => {
  const { leaf, claim, at } = await freshLeaf();
  await fixture.leaves.ensure([at(0)]);
  const probe = probeStatement({ ...claim, sweepFrom: undefined });
  await inClaim(async (client) => {
    const empty = await keptPlan(client, claimStatement(claim));
    const emptyProbe = await keptPlan(client, probe);
    await fixture.store(Array.from({ length: 20_000 }, (_, index) => at(index)));
    // Planned anew with what is known now, as a connection that opens later does.
    await sql`analyze ${sql.table(leaf.name)}`.execute(fixture.db);
    const full = await keptPlan(client, claimStatement(claim));
    for (const plan of [empty, full]) {
      assert.doesNotMatch(plan, /Seq Scan on due|Bitmap|Sort/);
      assert.match(plan, /Tid Scan on due_\d+/);
    }
    const fullProbe = await keptPlan(client, probe);
    for (const plan of [empty, full, emptyProbe, fullProbe]) {
      // All three bounds in the index, in its own order; a generic plan, with its parameters.
      assert.match(plan, /Index (Only )?Scan using due_\d+_pkey on due_\d+ t/);
      assert.match(plan, /Index Cond: \(\(lane = .*due_at >= .*due_at < .*\$2/);
    }
  });
});
