import assert from "node:assert/strict";
import { after, test } from "node:test";

import { createDatabase } from "@valify/database";
import { createTestDatabase, requireEnv } from "@valify/database/testing";
import { sql } from "kysely";

import { createLogger } from "./logger.ts";

const database = await createTestDatabase(requireEnv("TEST_DATABASE_URL"));
const db = createDatabase({ url: database.url, role: null, applicationName: "valify-test" });
after(async () => {
  await db.destroy();
  await database[Symbol.asyncDispose]();
});

// Goal: what Postgres says about a row never brings the row's names into the log.
// Method: make it say so, with a name that can be searched for.
test("a Postgres error shows neither the row it refused nor the value it could not read", async () => {
  await sql`create table people (name text primary key, born date, age int check (age > 0))`.execute(
    db,
  );
  await sql`insert into people values ('CANARY', null, 1)`.execute(db);
  const statements = [
    ["23505", sql`insert into people values ('CANARY', null, 1)`],
    ["22P02", sql`select cast(${"CANARY"}::text as integer)`],
    ["22007", sql`insert into people values ('other', ${"CANARY"}::text::date, 1)`],
    ["23514", sql`insert into people values ('CANARY2', null, -1)`],
    ["22008", sql`select '99/99/1990 CANARY'::text::date`],
  ] as const;
  const lines: string[] = [];
  const log = createLogger("validator", "info", { write: (line) => void lines.push(line) });
  for (const [, statement] of statements) {
    await statement.execute(db).catch((error: unknown) => log.error({ err: error }, "failed"));
  }
  assert.deepEqual(
    lines.map((line) => JSON.parse(line).err.code.slice(0, 2)),
    statements.map(([code]) => code.slice(0, 2)),
  );
  assert.doesNotMatch(lines.join(""), /CANARY/);
});
