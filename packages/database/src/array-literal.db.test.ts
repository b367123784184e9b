import assert from "node:assert/strict";
import { after, test } from "node:test";

import { sql } from "kysely";

import { textArrayLiteral } from "./array-literal.ts";
import { createDatabase } from "./create-database.ts";
import { createTestDatabase, requireEnv } from "./testing.ts";

const database = await createTestDatabase(requireEnv("TEST_DATABASE_URL"));
const db = createDatabase({ url: database.url, role: null, applicationName: "valify-test" });
after(async () => {
  await db.destroy();
  await database[Symbol.asyncDispose]();
});

async function there(values: readonly (string | null)[]): Promise<readonly (string | null)[]> {
  const { rows } = await sql<{ came: (string | null)[] }>`
    select ${textArrayLiteral(values)}::text[] as came`.execute(db);
  return rows[0]?.came ?? [];
}

test("text from outside arrives as it was, whatever is in it", async () => {
  const controls = Array.from({ length: 31 }, (_, index) => String.fromCharCode(index + 1));
  const hostile = [
    "",
    "NULL",
    "null",
    "{}",
    "a,b",
    " padded ",
    `{"a":"b,c","d":"\\n"}`,
    '"',
    "\\",
    '\\"',
    "\\\\",
    "line\nbreak\r\n\ttab",
    `both "\\" and\n`,
    "\u2028\u2029\u007F",
    "Łukasz 李 🙂",
    ...controls,
    controls.join(""),
  ];
  assert.deepEqual(await there([...hostile, null]), [...hostile, null]);
  assert.deepEqual(await there([]), []);
});

test("half a surrogate pair, which the database cannot hold, is replaced", async () => {
  assert.deepEqual(await there(["a\uD83D", "\uDE42b\n"]), ["a\uFFFD", "\uFFFDb\n"]);
});
