import assert from "node:assert/strict";
import { test } from "node:test";

import type { CalendarDate } from "../calendar.ts";
import { judgeRow } from "../judge-row.ts";
import { AS_OF, contextWith, HEADER, summaryOf, verdictOn } from "../testing.ts";
import type { RuleProfile } from "./profile.ts";

const judge = (dob: string, rules: Partial<RuleProfile> = {}) =>
  verdictOn("John", "Smith", dob, rules);

const read: readonly [typed: string, dob: string, dobDate: string, findings: string[]][] = [
  ["15/03/1990", "15/03/1990", "1990-03-15", []],
  ["5/3/1990", "05/03/1990", "1990-03-05", []],
  ["15.03.1990", "15/03/1990", "1990-03-15", []],
  ["15-03-1990", "15/03/1990", "1990-03-15", []],
  [" 15/03/1990 ", "15/03/1990", "1990-03-15", []],
  ["１５／０３／１９９０", "15/03/1990", "1990-03-15", []],
  ["\u200e15/03/1990", "15/03/1990", "1990-03-15", []],
  ["29/02/2000", "29/02/2000", "2000-02-29", []],
  ["1990-03-15", "15/03/1990", "1990-03-15", ["W DOB_FORMAT_CONVERTED dob"]],
  ["01/01/1970", "01/01/1970", "1970-01-01", ["I DOB_PLACEHOLDER dob"]],
  ["01/01/1900", "01/01/1900", "1900-01-01", ["E DOB_TOO_OLD dob", "I DOB_PLACEHOLDER dob"]],
  ["11/11/1111", "11/11/1111", "1111-11-11", ["E DOB_TOO_OLD dob", "I DOB_PLACEHOLDER dob"]],
  ["15/03/0990", "15/03/0990", "0990-03-15", ["E DOB_TOO_OLD dob"]],
];
for (const [typed, dob, dobDate, findings] of read) {
  test(`${JSON.stringify(typed)} is read as ${dobDate}`, () => {
    const verdict = judge(typed);
    assert.deepEqual([verdict.dob, verdict.dobDate], [dob, dobDate]);
    assert.deepEqual(summaryOf(verdict), findings);
  });
}

const unread: readonly [typed: string, code: string][] = [
  ["", "DOB_MISSING"],
  ["  ", "DOB_MISSING"],
  ["n/a", "DOB_FORMAT"],
  ["15 March 1990", "DOB_FORMAT"],
  ["15/03-1990", "DOB_FORMAT"],
  ["1990/03/15", "DOB_FORMAT"],
  ["1990-03-5", "DOB_FORMAT"],
  ["1990-3-05", "DOB_FORMAT"],
  ["15/03/1990 00:00", "DOB_FORMAT"],
  ["15031990", "DOB_FORMAT"],
  ["0", "DOB_FORMAT"],
  ["60001", "DOB_FORMAT"],
  ["=15/03/1990", "DOB_FORMAT"],
  ["31/04/1990", "DOB_NOT_REAL"],
  ["29/02/1900", "DOB_NOT_REAL"],
  ["29/02/2023", "DOB_NOT_REAL"],
  ["00/03/1990", "DOB_NOT_REAL"],
  ["15/00/1990", "DOB_NOT_REAL"],
  ["15/03/0000", "DOB_NOT_REAL"],
  ["03/15/1990", "DOB_NOT_REAL"],
  ["1990-02-30", "DOB_NOT_REAL"],
  ["15/03/90", "DOB_TWO_DIGIT_YEAR"],
  ["5-3-90", "DOB_TWO_DIGIT_YEAR"],
  ["1", "DOB_EXCEL_SERIAL"],
  ["32947", "DOB_EXCEL_SERIAL"],
  ["32947.5", "DOB_EXCEL_SERIAL"],
  ["60000", "DOB_EXCEL_SERIAL"],
];
for (const [typed, code] of unread) {
  test(`${JSON.stringify(typed)} gives ${code} and is kept as typed`, () => {
    const verdict = judge(typed);
    assert.deepEqual(summaryOf(verdict), [`E ${code} dob`]);
    assert.deepEqual([verdict.dob, verdict.dobDate], [typed.trim(), null]);
    assert.equal(verdict.leadId, "john.smith.00000000");
  });
}

test("a month above 12 gets a hint only where the date exists the other way round", () => {
  assert.match(judge("03/15/1990").errors[0]?.message ?? "", /month seems to come first/);
  assert.equal(judge("31/04/1990").errors[0]?.message, "This date does not exist");
  assert.equal(judge("31/13/1990").errors[0]?.message, "This date does not exist");
});

test("a very long value is cut to 200 code points", () => {
  assert.equal(judge("𠜎".repeat(300)).dob, "𠜎".repeat(200));
});

function judgeOn(asOf: CalendarDate, dob: string, rules: Partial<RuleProfile> = {}): string[] {
  const row = { rowNumber: 1, lineNumber: 2, cells: ["John", "Smith", dob], problem: null };
  const ctx = { ...contextWith(rules), asOf };
  return summaryOf(judgeRow(row, { header: HEADER }, ctx));
}

// Today is 15/03/2026.
const ages: readonly [dob: string, findings: string[]][] = [
  ["15/03/2026", ["E DOB_FUTURE dob"]],
  ["16/03/2026", ["E DOB_FUTURE dob"]],
  ["01/01/2999", ["E DOB_FUTURE dob"]],
  ["14/03/2026", ["E DOB_UNDER_MIN_AGE dob"]],
  ["16/03/2008", ["E DOB_UNDER_MIN_AGE dob"]],
  ["15/03/2008", []],
  ["16/03/1921", []],
  ["15/03/1921", ["W DOB_TOO_OLD dob"]],
  ["15/03/1906", ["W DOB_TOO_OLD dob"]],
  ["14/03/1906", ["E DOB_TOO_OLD dob"]],
];
for (const [dob, findings] of ages) {
  test(`on 15/03/2026 ${dob} gives ${findings.join(", ") || "nothing"}`, () => {
    assert.deepEqual(judgeOn(AS_OF, dob), findings);
  });
}

test("whoever was born on 29 February comes of age on 1 March in a common year", () => {
  assert.deepEqual(judgeOn({ year: 2026, month: 2, day: 28 }, "29/02/2008"), [
    "E DOB_UNDER_MIN_AGE dob",
  ]);
  assert.deepEqual(judgeOn({ year: 2026, month: 3, day: 1 }, "29/02/2008"), []);
});

test("the profile sets both ages, and a least age of 0 is off", () => {
  assert.deepEqual(judge("14/03/2026", { minAge: 0 }).errors, []);
  assert.equal(judge("16/03/2005", { minAge: 21 }).errors[0]?.message, "Lead is under 21");
  assert.equal(
    judge("14/03/1926", { maxAge: 100 }).errors[0]?.message,
    "Date of birth is over 100 years ago",
  );
});
