import assert from "node:assert/strict";
import { test } from "node:test";

import { sql } from "kysely";

import { createLeaves } from "./leaves.ts";
import { createFixture, log } from "./test-fixture.ts";

const HOUR_MS = 3_600_000;

test("the coming hours exist, and a far one is made when a row needs it", async () => {
  await using fixture = await createFixture();
  assert.ok(fixture.leaves.between(Date.now(), Date.now() + HOUR_MS).length >= 2);
  const nextYear = Date.now() + 365 * 24 * HOUR_MS;
  await fixture.store([nextYear]);
  assert.equal(fixture.leaves.between(nextYear, nextYear).length, 1);
});

test("an empty past hour is dropped, one that still holds a row stays", async () => {
  await using fixture = await createFixture();
  const { db, leaves } = fixture;
  const empty = Date.now() - 30 * HOUR_MS;
  const full = Date.now() - 40 * HOUR_MS;
  await leaves.ensure([empty, full]);
  await sql`insert into scheduling.due (due_at, id, tenant_id, batch_id, round, lane, kind)
    values (${new Date(full)}, gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 0, 0, 0)
    `.execute(db);
  await leaves.maintain();
  assert.equal(leaves.between(empty, empty).length, 0);
  assert.equal(leaves.between(full, full).length, 1);
  // What it says is so: a second process sees the same.
  const others = createLeaves(db, log);
  await others.maintain();
  assert.deepEqual(others.oldest(), leaves.oldest());
});

test("two replicas that need the same leaf at once both get it", async () => {
  await using fixture = await createFixture();
  const instant = Date.now() + 100 * HOUR_MS;
  const replicas = [1, 2, 3].map(() => createLeaves(fixture.db, log));
  await Promise.all(replicas.map((replica) => replica.ensure([instant])));
  for (const replica of replicas) assert.equal(replica.between(instant, instant).length, 1);
});
