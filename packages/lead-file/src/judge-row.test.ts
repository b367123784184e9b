import assert from "node:assert/strict";
import { test } from "node:test";

import { judgeRow } from "./judge-row.ts";
import { accepted, contextWith, HEADER, summaryOf, verdictOn } from "./testing.ts";

test("a good lead is valid, with its id and its date in both shapes", () => {
  assert.deepEqual(verdictOn(" John ", "Smith", "15/3/1990"), {
    status: "valid",
    leadId: "john.smith.15031990",
    slugVersion: 1,
    firstName: "John",
    lastName: "Smith",
    dob: "15/03/1990",
    dobDate: "1990-03-15",
    errors: [],
    warnings: [],
  });
});

test("all findings are returned: what is missing, what is impossible, then the rest", () => {
  assert.deepEqual(summaryOf(verdictOn("=Ann", "", "31/04/1990")), [
    "E LAST_NAME_MISSING last_name",
    "E DOB_NOT_REAL dob",
    "E NAME_FORMULA first_name",
  ]);
});

test("warnings alone leave a lead valid", () => {
  const verdict = verdictOn("Mr John", "Doe", "1990-03-15");
  assert.equal(verdict.status, "valid");
  assert.equal(verdict.warnings.length, 2);
});

test("columns are found by the header map, wherever they stand", () => {
  const file = accepted("dob;id;surname;forename\n15/03/1990;7;Smith;John\n");
  const [row] = file.rows;
  assert.ok(row);
  assert.equal(judgeRow(row, file.dialect, contextWith()).leadId, "john.smith.15031990");
});

test("a row with a problem is skipped: its problem the only error, an id, no date, nothing unstorable", () => {
  const problem = { code: "ROW_CONTROL_CHAR", message: "Row contains …" } as const;
  const row = { rowNumber: 4, lineNumber: 5, cells: ["J\0ohn", "=", "15/03/1990\0"], problem };
  assert.deepEqual(judgeRow(row, { header: HEADER }, contextWith()), {
    status: "skipped",
    leadId: "john.unknown.00000000",
    slugVersion: 1,
    firstName: "John",
    lastName: "=",
    dob: "15/03/1990",
    dobDate: null,
    errors: [
      { code: "ROW_CONTROL_CHAR", field: "row", severity: "error", message: "Row contains …" },
    ],
    warnings: [],
  });
});

test("a skipped row without cells has an id too", () => {
  const problem = { code: "ROW_TOO_FEW_CELLS", message: "…" } as const;
  const row = { rowNumber: 1, lineNumber: 2, cells: [], problem };
  const verdict = judgeRow(row, { header: HEADER }, contextWith());
  assert.equal(verdict.leadId, "unknown.unknown.00000000");
  assert.deepEqual([verdict.firstName, verdict.lastName, verdict.dob], ["", "", ""]);
});
