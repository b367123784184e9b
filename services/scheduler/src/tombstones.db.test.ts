import assert from "node:assert/strict";
import { test } from "node:test";

import { sql } from "kysely";

import { createFixture } from "./test-fixture.ts";
import { dropOldTombstones, tombstoneBatch } from "./tombstones.ts";

const DAY_MS = 86_400_000;
const BATCH = "018f3b1e-0000-7000-8000-00000000cafe";

test("a tombstone is kept beyond the last row its batch can have, then dropped", async () => {
  await using fixture = await createFixture();
  const farMs = Date.now() + 200 * DAY_MS;
  await fixture.store([farMs], { batchId: BATCH });
  await tombstoneBatch(fixture, BATCH);
  await tombstoneBatch(fixture, "018f3b1e-0000-7000-8000-00000000beef");
  const { rows } = await sql<{ keepUntil: Date }>`
    select keep_until as "keepUntil" from scheduling.cancelled_batch
    where batch_id = ${BATCH}`.execute(fixture.db);
  assert.ok((rows[0]?.keepUntil.getTime() ?? 0) >= farMs);
  assert.equal(await dropOldTombstones(fixture.db), 0);
  await sql`update scheduling.cancelled_batch set keep_until = now() - interval '1 second'
    where batch_id = ${BATCH}`.execute(fixture.db);
  assert.equal(await dropOldTombstones(fixture.db), 1);
  assert.equal(await fixture.count("scheduling.cancelled_batch"), 1);
});

test("a batch without far rows keeps its tombstone as long as a stream may hold its leads", async () => {
  await using fixture = await createFixture();
  await tombstoneBatch(fixture, BATCH);
  const { rows } = await sql<{ days: number }>`
    select extract(epoch from keep_until - now())::float8 / 86400 as days
    from scheduling.cancelled_batch`.execute(fixture.db);
  assert.ok((rows[0]?.days ?? 0) > 7.9);
});
