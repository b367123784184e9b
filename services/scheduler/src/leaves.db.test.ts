import assert from "node:assert/strict";
import { test } from "node:test";

import { ensurePartition, listPartitions } from "@valify/database";
import { sql } from "kysely";

import { DUE_DAYS, DUE_HOURS, leafOf, LEDGER, MARKS } from "./domain/leaf.ts";
import { createLeaves } from "./leaves.ts";
import { createLedgerLeaves } from "./ledger-leaves.ts";
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

test("leaves that replicas cut differently never overlap: the second finds the first's", async () => {
  await using fixture = await createFixture();
  const stale = createLeaves(fixture.db, log);
  const farMs = Date.now() + 100 * 24 * HOUR_MS;
  await fixture.leaves.ensure([farMs]);
  // As if made when the day was near: an hour of it, by a replica that has not seen the day.
  await ensurePartition(fixture.db, { parent: "scheduling.due", ...leafOf(DUE_DAYS, farMs) });
  await stale.ensure([farMs, farMs + HOUR_MS / 2]);
  assert.deepEqual(stale.between(farMs, farMs), fixture.leaves.between(farMs, farMs));
});

test("a removal that was ended midway is taken up again, and rows in it are not lost", async () => {
  await using fixture = await createFixture();
  const { db, leaves } = fixture;
  const [empty, full] = [Date.now() - 30 * HOUR_MS, Date.now() - 40 * HOUR_MS];
  await leaves.ensure([empty, full]);
  await sql`insert into scheduling.due (due_at, id, tenant_id, batch_id, round, lane, kind)
    values (${new Date(full)}, gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 0, 0, 0)
    `.execute(db);
  for (const instant of [empty, full]) {
    const leaf = sql.table(leafOf(DUE_HOURS, instant).name);
    await sql`alter table scheduling.due detach partition ${leaf} concurrently`.execute(db);
  }
  await leaves.maintain();
  await leaves.refresh();
  assert.equal(leaves.between(empty, empty).length, 0);
  assert.equal(leaves.between(full, full).length, 1);
  assert.equal(await fixture.count("scheduling.due"), 1);
});

test("what was dropped gives its disk space back", async () => {
  await using fixture = await createFixture();
  const { db, leaves } = fixture;
  const size = async () => {
    const { rows } = await sql<{ bytes: number }>`
      select sum(pg_total_relation_size(c.oid))::bigint as bytes from pg_class c
      join pg_namespace n on n.oid = c.relnamespace
      where n.nspname = 'scheduling' and c.relkind = 'r'`.execute(db);
    return rows[0]?.bytes ?? 0;
  };
  const baseline = await size();
  const past = Date.now() - 30 * HOUR_MS;
  await leaves.ensure([past]);
  await sql`insert into scheduling.due (due_at, id, tenant_id, batch_id, round, lane, kind)
    select ${new Date(past)}, gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 0, i % 16, 0
    from generate_series(1, 20000) as s (i)`.execute(db);
  const full = await size();
  assert.ok(full > baseline + 2_000_000, `${full} bytes`);
  await sql`delete from scheduling.due where due_at < now() - interval '1 day'`.execute(db);
  await leaves.maintain();
  const after = await size();
  assert.ok(Math.abs(after - baseline) < 0.1 * baseline, `${after} bytes, at first ${baseline}`);
});

test("the ledger and the marks keep two hours, and have room for the next", async () => {
  await using fixture = await createFixture();
  const { db } = fixture;
  for (const grid of [LEDGER, MARKS]) {
    const old = leafOf(grid, Date.now() - 4 * HOUR_MS);
    await ensurePartition(db, { parent: grid.parent, ...old });
  }
  await sql`insert into scheduling.publish_mark (at, stream_seq, msg_id)
    values (now() - interval '4 hours', 1, 'x')`.execute(db);
  await createLedgerLeaves(db, log).maintain();
  assert.equal(await fixture.count("scheduling.publish_mark"), 0);
  await sql`insert into scheduling.publish_mark (at, stream_seq, msg_id)
    values (now() + interval '59 minutes', 1, 'x')`.execute(db);
  assert.equal((await listPartitions(db, LEDGER.parent)).length, 7);
});

test("two replicas that need the same leaf at once both get it", async () => {
  await using fixture = await createFixture();
  const instant = Date.now() + 100 * HOUR_MS;
  const replicas = [1, 2, 3].map(() => createLeaves(fixture.db, log));
  await Promise.all(replicas.map((replica) => replica.ensure([instant])));
  for (const replica of replicas) assert.equal(replica.between(instant, instant).length, 1);
});
