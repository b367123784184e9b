import assert from "node:assert/strict";
import { test } from "node:test";

import { sql } from "kysely";

import { densifyLeaves } from "./dense-leaves.ts";
import { DUE_HOURS, leafOf } from "./domain/leaf.ts";
import { createFixture, log } from "./test-fixture.ts";

const HOUR_MS = 3_600_000;

test("a filled leaf that waits takes at most 160 bytes a row, and is left alone from then on", async () => {
  await using fixture = await createFixture();
  const { db } = fixture;
  const nowMs = Date.now();
  const leaf = leafOf(DUE_HOURS, nowMs + 10 * HOUR_MS);
  const rows = 40_000;
  // As the inserts of a day come: in order of time, all lanes at once.
  for (let stored = 0; stored < rows; stored += 1_000) {
    await sql`insert into scheduling.due (due_at, id, tenant_id, batch_id, round, lane, kind)
      select ${leaf.from}::timestamptz + (${stored}::int + i) * interval '50 milliseconds', gen_random_uuid(),
        gen_random_uuid(), gen_random_uuid(), 0, i % 16, 0
      from generate_series(1, 1000) as s (i) order by 6, 1`.execute(db);
  }
  const bytesPerRow = async () => {
    const { rows: sizes } = await sql<{ bytes: number }>`
      select pg_total_relation_size(${leaf.name}::regclass) as bytes`.execute(db);
    return (sizes[0]?.bytes ?? 0) / rows;
  };
  const grown = await bytesPerRow();
  assert.ok(grown > 160, `${grown} B`);
  const deps = { ...fixture, log };
  assert.equal(await densifyLeaves(deps, nowMs, { indexBytesMin: 1_000_000 }), 1);
  const dense = await bytesPerRow();
  assert.ok(dense <= 160, `${dense} B`);
  assert.equal(await densifyLeaves(deps, nowMs, { indexBytesMin: 1_000_000 }), 0);
});

test("an index that an interrupted rebuild left behind is dropped", async () => {
  await using fixture = await createFixture();
  const nowMs = Date.now();
  const leaf = leafOf(DUE_HOURS, nowMs + 10 * HOUR_MS);
  const [row] = await fixture.store([leaf.from.getTime()]);
  await fixture.store([leaf.from.getTime() + 1], { id: row?.id ?? "" });
  const unique = sql`create unique index concurrently left_behind on ${sql.table(leaf.name)} (id)`;
  await assert.rejects(unique.execute(fixture.db), { code: "23505" });
  await densifyLeaves({ ...fixture, log }, nowMs);
  const { rows } = await sql`select 1 from pg_class where relname = 'left_behind'`.execute(
    fixture.db,
  );
  assert.equal(rows.length, 0);
});
