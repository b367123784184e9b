import assert from "node:assert/strict";
import { test } from "node:test";

import { accepted, problemsOf } from "./testing.ts";

const HEADER = "first_name,last_name,dob,notes\n";
const GOOD = "Ann,Lee,01/02/1985,x\n";

const accidents: readonly [what: string, rows: string, problems: (string | null)[]][] = [
  [
    "a row in between",
    `"John,Smith,15/03/1990\n${GOOD}Bob",Jones,01/01/1970,x\n`,
    ["ROW_QUOTE_MALFORMED", null, "ROW_QUOTE_MALFORMED"],
  ],
  [
    "a first line that is a whole row",
    `"John,Smith,,x\nBob",Jones,01/01/1970,x\n`,
    ["ROW_QUOTE_MALFORMED", "ROW_QUOTE_MALFORMED"],
  ],
  [
    "another width than the header",
    `John,Smith,"15/03/1990\nBob",Jones,01/01/1970,x\n`,
    ["ROW_QUOTE_MALFORMED", "ROW_QUOTE_MALFORMED"],
  ],
];

for (const [what, rows, problems] of accidents) {
  test(`broken quotes that pair up are found by ${what}`, () => {
    assert.deepEqual(problemsOf(accepted(HEADER + rows + GOOD)), [...problems, null]);
  });
}

const honest = [
  '"John\nPaul",Smith,15/03/1990,x\n',
  'John,"Smith\r\nJones",15/03/1990,x\n',
  'John,Smith,15/03/1990,"called, twice\nno answer, so far\n\nbye, 2, 3, 4, 5"\n',
  'John,Smith,15/03/1990,"said ""no""\nand left"\n',
];

for (const row of honest) {
  test(`${JSON.stringify(row)} is one row with a value of several lines`, () => {
    assert.deepEqual(problemsOf(accepted(HEADER + row + GOOD)), ["ROW_EMBEDDED_NEWLINE", null]);
  });
}
