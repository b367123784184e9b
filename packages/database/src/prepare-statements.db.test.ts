import assert from "node:assert/strict";
import { test } from "node:test";

import { sql } from "kysely";

import { createDatabase } from "./create-database.ts";
import { requireEnv } from "./testing.ts";

const options = {
  url: requireEnv("TEST_DATABASE_URL"),
  role: null,
  applicationName: "prepare-statements-test",
  connectionsMax: 1,
};

async function preparedAfter(preparesStatements: boolean) {
  await using db = createDatabase({ ...options, preparesStatements });
  for (const value of [1, 2, 3]) {
    const { rows } = await sql<{ twice: number }>`select 2 * ${value}::int as twice`.execute(db);
    assert.equal(rows[0]?.twice, 2 * value);
  }
  await db.transaction().execute(async (trx) => sql`select ${"x"}::text`.execute(trx));
  const { rows } = await sql<{ statement: string }>`
    select statement from pg_prepared_statements order by prepare_time`.execute(db);
  return rows.map(({ statement }) => statement);
}

test("a statement with parameters is prepared once per connection, whatever its values", async () => {
  assert.deepEqual(await preparedAfter(true), ["select 2 * $1::int as twice", "select $1::text"]);
});

test("without the option nothing is kept on the server", async () => {
  assert.deepEqual(await preparedAfter(false), []);
});

test("a statement that fails at first works later under the same name", async () => {
  await using db = createDatabase({ ...options, preparesStatements: true });
  const read = () => sql`select * from pg_temp.not_yet where ${1}::int = 1`.execute(db);
  await assert.rejects(read(), /not_yet/);
  await sql`create temp table not_yet ()`.execute(db);
  assert.deepEqual((await read()).rows, []);
});

test("more texts than the server should keep still run", async () => {
  await using db = createDatabase({ ...options, preparesStatements: true });
  for (let index = 0; index < 150; index += 1) {
    await sql`select ${index}::int as ${sql.ref(`column_${index}`)}`.execute(db);
  }
  const { rows } = await sql<{ count: number }>`
    select count(*) as count from pg_prepared_statements`.execute(db);
  assert.equal(rows[0]?.count, 100);
});
