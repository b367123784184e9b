import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import type { Connection } from "@valify/database";
import { sql } from "kysely";

import { type Claim, claimStatement, probeStatement, type Statement } from "./claim-statement.ts";
import { DUE_HOURS, type Leaf, leafOf } from "./domain/leaf.ts";
import { createFixture, type SchedulerFixture } from "./test-fixture.ts";

// Goal: a transaction that pins xmin for hours does not slow the claim down: nothing of what went
// out meanwhile can be cleaned away, but the claim looks from `low` on, past it all.
// Method: 40,000 rows gone while a snapshot is held, then the pages that Postgres touches.

const DEAD = 40_000;
const LIVE = 200;
/** Sixteen lanes, a descent of the index each, and the rows themselves. */
const PROBE_PAGES_MAX = 100;
const CLAIM_PAGES_MAX = 2_000;

let fixture: SchedulerFixture;
let leaf: Leaf;
let snapshot: Connection;
before(async () => {
  fixture = await createFixture();
  const startMs = leafOf(DUE_HOURS, Date.now() + 5 * 3_600_000).from.getTime();
  leaf = leafOf(DUE_HOURS, startMs);
  await fixture.leaves.ensure([startMs]);
  await sql`
    insert into scheduling.due (due_at, id, tenant_id, batch_id, round, lane, kind)
    select ${leaf.from}::timestamptz + n * interval '1 millisecond', gen_random_uuid(),
      gen_random_uuid(), gen_random_uuid(), 0, n % 16, 0
    from generate_series(1, ${DEAD + LIVE}::int) as n order by n`.execute(fixture.db);
  snapshot = await fixture.pool.connect();
  await snapshot.query("begin isolation level repeatable read");
  await snapshot.query("select 1 from scheduling.due limit 1");
  await sql`
    delete from ${sql.table(leaf.name)}
    where due_at <= ${leaf.from}::timestamptz + ${DEAD} * interval '1 millisecond'`.execute(
    fixture.db,
  );
  await sql`vacuum ${sql.table(leaf.name)}`.execute(fixture.db);
});
after(async () => {
  await snapshot.query("rollback");
  snapshot.release();
  await fixture[Symbol.asyncDispose]();
});

const beginning = () => leaf.from;
const low = () => new Date(leaf.from.getTime() + DEAD);

function claimFrom(from: Date): Claim {
  return {
    leaf,
    from,
    lookAheadMs: 10 * 3_600_000,
    limit: 512,
    limitPerLane: 128,
    firstLane: 0,
    withoutTenants: [],
  };
}

interface Explained {
  readonly "QUERY PLAN": readonly [
    { readonly Plan: Readonly<Record<"Shared Hit Blocks" | "Shared Read Blocks", number>> },
  ];
}

/** Pages touched by the very statement that the loop sends. Nothing of it stays. */
async function pagesOf({ text, values }: Statement): Promise<number> {
  const client = await fixture.pool.connect();
  try {
    await client.query("begin");
    const explain = `explain (analyze, buffers, timing off, format json) ${text}`;
    const { rows } = await client.query<Explained>(explain, values);
    const plan = rows[0]?.["QUERY PLAN"][0].Plan;
    return (plan?.["Shared Hit Blocks"] ?? NaN) + (plan?.["Shared Read Blocks"] ?? NaN);
  } finally {
    await client.query("rollback");
    client.release();
  }
}

test("what is dead is still there: from the leaf's beginning a claim walks over all of it", async () => {
  const pages = await pagesOf(claimStatement(claimFrom(beginning())));
  assert.ok(pages > 2 * CLAIM_PAGES_MAX, `${pages} pages`);
});

test("from the watermark on a probe touches a handful of pages", async () => {
  const pages = await pagesOf(probeStatement({ ...claimFrom(low()), sweepFrom: undefined }));
  assert.ok(pages <= PROBE_PAGES_MAX, `${pages} pages`);
});

test("from the watermark on a claim touches what it takes", async (t) => {
  const pages = await pagesOf(claimStatement(claimFrom(low())));
  assert.ok(pages <= CLAIM_PAGES_MAX, `${pages} pages`);
  t.diagnostic(`${pages} pages for ${LIVE} rows`);
});
