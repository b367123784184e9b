import assert from "node:assert/strict";
import { after, test } from "node:test";

import { sql } from "kysely";

import {
  booleanArray,
  byteaArray,
  instantArray,
  int2Array,
  int4Array,
  realArray,
  textArray,
} from "./binary-arrays.ts";
import { createDatabase } from "./create-database.ts";
import { createTestDatabase, requireEnv } from "./testing.ts";

const database = await createTestDatabase(requireEnv("TEST_DATABASE_URL"));
const db = createDatabase({ url: database.url, role: null, applicationName: "valify-test" });
after(async () => {
  await db.destroy();
  await database[Symbol.asyncDispose]();
});

/** What the server makes of it: its elements as Postgres writes them. */
async function there(array: Buffer, type: string): Promise<readonly (string | null)[]> {
  const { rows } = await sql<{ came: (string | null)[] }>`
    select array(select value::text from unnest(${array}::${sql.raw(type)}[])
      with ordinality as a (value, place) order by place) as came`.execute(db);
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
  assert.deepEqual(await there(textArray([...hostile, null]), "text"), [...hostile, null]);
  assert.deepEqual(await there(textArray([]), "text"), []);
});

test("half a surrogate pair, which the database cannot hold, is replaced", async () => {
  assert.deepEqual(await there(textArray(["a\uD83D", "\uDE42b\n"]), "text"), [
    "a\uFFFD",
    "\uFFFDb\n",
  ]);
});

test("numbers, truths and bytes arrive as they were, to the ends of their types", async () => {
  const cases = [
    [int4Array([0, -1, 2_147_483_647, -2_147_483_648, null]), "int4"],
    [int2Array([0, -1, 32_767, -32_768, null]), "int2"],
    [realArray([0, -1.5, 3.25, 1e10, null]), "real"],
    [booleanArray([true, false, null]), "boolean"],
    [byteaArray(["", "00ff", null]), "bytea"],
  ] as const;
  assert.deepEqual(await Promise.all(cases.map(([array, type]) => there(array, type))), [
    ["0", "-1", "2147483647", "-2147483648", null],
    ["0", "-1", "32767", "-32768", null],
    ["0", "-1.5", "3.25", "1e+10", null],
    ["true", "false", null],
    ["\\x", "\\x00ff", null],
  ]);
  assert.throws(() => int4Array([2_147_483_648]), RangeError);
  assert.throws(() => int2Array([32_768]), RangeError);
});

test("instants arrive to the microsecond, before and after Postgres's own epoch", async () => {
  const instants = ["1900-01-01T00:00:00.001Z", "1999-12-31T23:59:59.999Z", "2000-01-01T00:00:00Z"];
  const all = [...instants, "2026-11-26T12:34:56.789Z", "2200-02-28T23:59:59.500Z"];
  const array = instantArray([...all.map((instant) => Date.parse(instant)), 1_700_000_000_000.25]);
  const { rows } = await sql<{ came: Date[]; micros: string }>`
    select ${array}::timestamptz[] as came,
      (extract(microseconds from (${array}::timestamptz[])[6]))::text as micros`.execute(db);
  assert.deepEqual(
    rows[0]?.came.slice(0, 5).map((came) => came.toISOString()),
    all.map((instant) => new Date(instant).toISOString()),
  );
  assert.equal(Number(rows[0]?.micros), 20_000_250);
  assert.deepEqual(await there(instantArray([null]), "timestamptz"), [null]);
});
