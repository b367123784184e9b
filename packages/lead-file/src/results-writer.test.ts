import assert from "node:assert/strict";
import { test } from "node:test";

import { parse } from "csv-parse/sync";

import { guardFormula, unguardFormula } from "./formula.ts";
import { judgeRow } from "./judge-row.ts";
import type { LeadFile } from "./lead-file.ts";
import { createResultsWriter } from "./results-writer.ts";
import { accepted, contextWith, summaryOf } from "./testing.ts";

const judged = (file: LeadFile) =>
  file.rows.map((row) => ({ row, verdict: judgeRow(row, file.dialect, contextWith()) }));

const quote = (cell: string) => `"${cell.replaceAll('"', '""')}"`;

const outcome = (file: LeadFile) =>
  judged(file).map(({ verdict }) => [summaryOf(verdict), verdict.leadId, verdict.firstName]);

function resultsOf(file: LeadFile): string {
  const writer = createResultsWriter(file);
  return writer.header() + writer.rows(judged(file));
}

test("results hold the mapped columns in their order, the verdict, a byte order mark and CRLF", () => {
  const file = accepted(
    'DOB;notes;Surname;"First ""given"" name";Forename\n15/03/1990;x;"Smith; Jr";y;John\n\n1/1/90;x;Lee;y;n/a\n"bad\n',
  );
  const lines = resultsOf(file).split("\r\n");
  assert.deepEqual(lines, [
    "\ufeffDOB,Surname,Forename,row_number,lead_id,status,error_codes,error_messages,warning_codes",
    "15/03/1990,Smith; Jr,John,1,john.smith-jr.15031990,invalid,NAME_CHARSET,Last name has characters not used in names: ;,",
    "1/1/90,Lee,n/a,2,n-a.lee.00000000,invalid,NAME_PLACEHOLDER;DOB_TWO_DIGIT_YEAR,First name is a placeholder | Write the year with four digits,",
    '"""bad",,,3,unknown.unknown.00000000,skipped,ROW_QUOTE_MALFORMED,A quotation mark on line 5 is not closed or doubled,',
    "",
  ]);
});

test("chunks joined are the whole", () => {
  const file = accepted(`first_name,last_name,dob\n${"John,Smith,15/03/1990\n".repeat(5)}`);
  const writer = createResultsWriter(file);
  const entries = judged(file);
  const chunks = writer.rows(entries.slice(0, 2)) + writer.rows(entries.slice(2));
  assert.equal(chunks, writer.rows(entries));
  assert.equal(writer.rows([]), "");
});

const dangerous = [
  "=1+1",
  "+1",
  "-1",
  "@SUM(A1)",
  "\t=1",
  "\tJohn",
  "\rJohn",
  "\nJohn",
  "\0John",
  " =1",
  "  -1",
  "\u00a0=1",
  "\ufeff=1",
  "\u200b@x",
  "＝1",
  "＋1",
  "－1",
  "＠x",
  "﹦1",
  "-",
  "\n=cmd|' /C calc'!A0",
];
for (const cell of dangerous) {
  test(`the cell ${JSON.stringify(cell)} cannot be run, and one guard is taken back`, () => {
    assert.equal(guardFormula(cell), `'${cell}`);
    assert.equal(unguardFormula(guardFormula(cell)), cell);
  });
}

for (const cell of ["John", "'t Hooft", "'", "", " John", "O'Neil", "Anne-Marie", "1=1"]) {
  test(`the cell ${JSON.stringify(cell)} is written and read as it is`, () => {
    assert.equal(guardFormula(cell), cell);
    assert.equal(unguardFormula(cell), cell);
  });
}

test("no cell of a results file starts a formula, and it reads again with the same verdicts", () => {
  const cells = [...dangerous, "'=x", "''=x", "'t Hooft", 'a "b" c', "a, b", " John ", "José"];
  const rows = cells.map((cell) => `${quote(cell)},${quote(cell)},${quote(cell)}`);
  const file = accepted(`first_name,last_name,dob\n${rows.join("\n")}\n`);
  const csv = resultsOf(file);
  for (const record of parse(csv, { bom: true })) {
    for (const cell of record) assert.doesNotMatch(cell, /^[\s\p{C}]*[=+\-@＝＋－＠]|^[\t\r\n\0]/u);
  }
  const again = accepted(csv);
  assert.equal(again.rows.length, cells.length);
  assert.deepEqual(outcome(again), outcome(file));
  const ignored = again.warnings.filter(({ code }) => code === "HEADER_COLUMN_IGNORED");
  assert.deepEqual(ignored, [], "our own columns are no news");
});

// Goal: whoever mends the rows that were refused, and nothing else, can upload the file as it is.
test("the refused rows alone, mended, read again without a word", () => {
  const file = accepted(
    "notes;Forename;Surname;DOB\nx;Ann;Lee;01/02/1985\ny;n/a;Smith;15/03/1990\nz;=Jo;O'Neil;15/03/1990\n;Bob;Kay;31/02/1990\n",
  );
  const refusedRows = judged(file).filter(({ verdict }) => verdict.status !== "valid");
  assert.equal(refusedRows.length, 3);
  const writer = createResultsWriter(file);
  const csv = writer.header() + writer.rows(refusedRows);
  const mended = csv.replace("n/a,", "Zoë,").replace("'=Jo", "Jo").replace("31/02", "28/02");
  const again = accepted(mended);
  assert.deepEqual(again.warnings, []);
  assert.deepEqual(
    judged(again).map(({ verdict }) => [verdict.status, verdict.leadId]),
    [
      ["valid", "zoe.smith.15031990"],
      ["valid", "jo.oneil.15031990"],
      ["valid", "bob.kay.28021990"],
    ],
  );
});

test("columns of the uploader's own that have our names are ignored with a warning", () => {
  const file = accepted("first_name,last_name,dob,status,lead_id\nAnn,Lee,01/02/1985,new,7\n");
  assert.equal(file.warnings.length, 2);
});
