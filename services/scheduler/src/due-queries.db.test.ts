import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { sql } from "kysely";

import { createFixture, type SchedulerFixture } from "./test-fixture.ts";

const HOUR_MS = 3_600_000;

let fixture: SchedulerFixture;
before(async () => {
  fixture = await createFixture();
});
after(() => fixture[Symbol.asyncDispose]());

test("a wake-up stored twice is one row", async () => {
  const dueMs = Date.now() + 5 * HOUR_MS;
  const [row] = await fixture.store([dueMs]);
  await fixture.store([dueMs], { id: row?.id ?? "" });
  const { rows } = await sql`select 1 from scheduling.due where id = ${row?.id}`.execute(
    fixture.db,
  );
  assert.equal(rows.length, 1);
});

test("a wake-up long past is moved to where the loop looks", async () => {
  const [row] = await fixture.store([Date.now() - HOUR_MS]);
  const { rows } = await sql<{ late: number }>`
    select extract(epoch from now() - due_at)::float8 as late from scheduling.due
    where id = ${row?.id}`.execute(fixture.db);
  assert.ok((rows[0]?.late ?? Infinity) < 60, `moved to ${rows[0]?.late} s ago`);
});
