import assert from "node:assert/strict";
import { test } from "node:test";

import { templateCsv } from "./template.ts";
import { accepted, bytesOf, problemsOf, refused } from "./testing.ts";

const HEADER = "first_name,last_name,dob";
const LEAD = "John,Smith,15/03/1990";
const OTHER = "Ann,Lee,01/02/1985";

const warningCodes = (text: string) => accepted(text).warnings.map(({ code }) => code);

for (const text of ["", "   \r\n\t\n", "\ufeff", "\ufeff\n"]) {
  test(`the file ${JSON.stringify(text)} is empty`, () => {
    assert.deepEqual(refused(text), {
      code: "FILE_EMPTY",
      httpStatus: 422,
      message: "The file is empty",
    });
  });
}

for (const body of ["", "\n", '\n,,\n  \n"","",""\n']) {
  test(`a header above ${JSON.stringify(body)} has no leads`, () => {
    const problem = refused(HEADER + body);
    assert.equal(problem.code, "FILE_NO_ROWS");
    assert.equal(problem.httpStatus, 422);
  });
}

test("as many rows as allowed are read, and one more refuses the file instead of being cut", () => {
  const rows = `${LEAD}\n`.repeat(10_000);
  assert.equal(accepted(`${HEADER}\n${rows}\n,,\n`).rows.length, 10_000);
  assert.deepEqual(refused(`${HEADER}\n${rows}${LEAD}\n`), {
    code: "FILE_TOO_MANY_ROWS",
    httpStatus: 413,
    message: "This file has more than 10,000 leads. Split it",
  });
  assert.equal(refused(`${HEADER}\n${LEAD}\n"bad\n`, 1).code, "FILE_TOO_MANY_ROWS");
});

const damaged: readonly [row: string, code: string, message: RegExp][] = [
  ['"John,Smith,15/03/1990', "ROW_QUOTE_MALFORMED", /^A quotation mark on line 3 is not closed/],
  ['Jo"hn,Smith,15/03/1990', "ROW_QUOTE_MALFORMED", /line 3/],
  ['"Jo"x,Smith,15/03/1990', "ROW_QUOTE_MALFORMED", /line 3/],
  ['"Jo\r\nhn",Smith,15/03/1990', "ROW_EMBEDDED_NEWLINE", /^A value on lines 3–4 runs over/],
  ["John,Smith", "ROW_TOO_FEW_CELLS", /^This row has 2 values; 3 are expected$/],
  ["John", "ROW_TOO_FEW_CELLS", /^This row has 1 value; 3 are expected$/],
  [
    "John,Smith, Jr,15/03/1990",
    "ROW_TOO_MANY_CELLS",
    /^This row has 4 values; 3 are expected\. Quote/,
  ],
  [`${"J".repeat(17_000)},Smith,15/03/1990`, "ROW_TOO_LARGE", /^This row is too long$/],
  [HEADER, "ROW_REPEATED_HEADER", /^This row repeats the header$/],
  ["Forename,SURNAME,Date of birth", "ROW_REPEATED_HEADER", /repeats the header/],
  ["Sample,Row,31/12/1980", "ROW_TEMPLATE_SAMPLE", /^This is the sample row of the template$/],
  ["Jo\0hn,Smith,15/03/1990", "ROW_CONTROL_CHAR", /invisible control character$/],
  ["John,Smi\u0007th,15/03/1990", "ROW_CONTROL_CHAR", /invisible control character$/],
  ["John,Smith\u0085,15/03/1990", "ROW_CONTROL_CHAR", /invisible control character$/],
];

// Trap: csv-parse with skip_records_with_error swallows good rows behind a bad one, uncounted.
for (const [row, code, message] of damaged) {
  test(`${JSON.stringify(row.slice(0, 40))} is ${code}, and costs no other row`, () => {
    const file = accepted(`${HEADER}\r\n${OTHER}\r\n${row}\r\n${LEAD}\r\n`);
    assert.deepEqual(problemsOf(file), [null, code, null]);
    assert.match(file.rows[1]?.problem?.message ?? "", message);
    assert.equal(file.rows[1]?.lineNumber, 3);
    assert.deepEqual(file.rows[0]?.cells, OTHER.split(","));
    assert.deepEqual(file.rows[2]?.cells, LEAD.split(","));
    assert.deepEqual(
      file.rows.map(({ rowNumber }) => rowNumber),
      [1, 2, 3],
    );
  });
}

test("a damaged row keeps a rough split of its line for the results", () => {
  const [row] = accepted(`${HEADER}\n"John,Smith,15/03/1990\n`).rows;
  assert.deepEqual(row?.cells, ['"John', "Smith", "15/03/1990"]);
});

// Trap: a missing quote whose partner comes rows later parses "successfully".
test("broken quotes that pair up across good rows do not swallow them", () => {
  const file = accepted(
    `${HEADER}\nJohn,"Smith,15/03/1990\n${OTHER}\nBob,Jones",01/01/1970\n${LEAD}`,
  );
  assert.deepEqual(problemsOf(file), ["ROW_QUOTE_MALFORMED", null, "ROW_QUOTE_MALFORMED", null]);
  assert.deepEqual(
    file.rows.map(({ lineNumber }) => lineNumber),
    [2, 3, 4, 5],
  );
  assert.deepEqual(file.warnings, [
    {
      code: "FILE_QUOTES_REPAIRED",
      message: "Some quotation marks are wrong; those rows are listed",
    },
  ]);
});

test("an honest value of three lines is one row", () => {
  const file = accepted(`${HEADER}\n"John\nPaul\n1",Smith,15/03/1990\n${OTHER}\n`);
  assert.deepEqual(problemsOf(file), ["ROW_EMBEDDED_NEWLINE", null]);
  assert.equal(file.rows[1]?.lineNumber, 5);
});

const harmless: readonly [what: string, rows: string][] = [
  ["extra blank cells", "John,Smith,15/03/1990,, ,"],
  ["a space before a quote", ' "John", "Smith", "15/03/1990"'],
  ["a space behind a quote", '"John" ,"Smith" ,"15/03/1990" '],
  ["a doubled quote", '"John ""Jack""",Smith,15/03/1990'],
  ["a quoted delimiter", 'John,"Smith, Jr",15/03/1990'],
  ["a prototype's name", "__proto__,constructor,15/03/1990"],
];

for (const [what, rows] of harmless) {
  test(`${what}: the row reads as a lead`, () => {
    assert.deepEqual(problemsOf(accepted(`${HEADER}\n${rows}\n`)), [null]);
  });
}

test("trailing cells may be left out where no column of a lead is missing", () => {
  const file = accepted(`${HEADER},notes,source\n${LEAD}\n${LEAD},x\n`);
  assert.deepEqual(problemsOf(file), [null, null]);
});

test("a control character in an ignored column costs nothing, a NUL costs the row", () => {
  const file = accepted(`${HEADER},notes\n${LEAD},a\u000bb\n${LEAD},a\0b\n`);
  assert.deepEqual(problemsOf(file), [null, "ROW_CONTROL_CHAR"]);
});

test("a control character in a header cell is not passed on", () => {
  assert.deepEqual(accepted(`first_name,last_name\0,dob\n${LEAD}\n`).columns, HEADER.split(","));
});

test("blank rows are no rows, and are counted in a note", () => {
  const file = accepted(`${HEADER}\n\n${LEAD}\n,,\n   \n"",,\n\u00a0,,\n${OTHER}\n\n`);
  assert.deepEqual(
    file.rows.map(({ rowNumber, lineNumber }) => [rowNumber, lineNumber]),
    [
      [1, 3],
      [2, 8],
    ],
  );
  assert.deepEqual(file.warnings, [{ code: "ROW_BLANK", message: "6 blank rows skipped" }]);
  const [one] = accepted(`${HEADER}\n\n${LEAD}\n`).warnings;
  assert.equal(one?.message, "1 blank row skipped");
});

// Trap: csv-parse settles on the first newline it sees and garbles the others.
for (const [a, b] of [
  ["\r\n", "\n"],
  ["\n", "\r\n"],
  ["\r", "\n"],
  ["\r\n", "\r"],
] as const) {
  test(`${JSON.stringify(a)} mixed with ${JSON.stringify(b)} is read, with a note`, () => {
    const text = `${HEADER}${a}${LEAD}${b}"Ann","Lee",01/02/1985${a}${LEAD}`;
    const file = accepted(text);
    assert.deepEqual(
      file.rows.map(({ cells }) => cells.join(",")),
      [LEAD, OTHER, LEAD],
    );
    assert.deepEqual(
      file.warnings.map(({ code }) => code),
      ["FILE_MIXED_NEWLINES"],
    );
  });
}

for (const newline of ["\n", "\r\n", "\r"]) {
  test(`${JSON.stringify(newline)} alone, with or without a last one, is worth no note`, () => {
    const text = [HEADER, LEAD, OTHER].join(newline);
    assert.deepEqual(warningCodes(text), []);
    assert.deepEqual(warningCodes(text + newline), []);
    assert.equal(accepted(text).rows.length, 2);
  });
}

const fileOf = (dates: string[]) => `${HEADER}\n${dates.map((d) => `Ann,Lee,${d}`).join("\n")}`;

test("dates that all look month-first are pointed out", () => {
  assert.deepEqual(warningCodes(fileOf(["03/15/1990", "01/02/1985"])), ["FILE_DOB_ORDER_SUSPECT"]);
  assert.deepEqual(warningCodes(fileOf(["03/15/1990", "15/03/1985"])), []);
  assert.deepEqual(warningCodes(fileOf(["03/05/1990", "01/02/1985"])), []);
});

test("the template is a valid file whose only row is refused as the sample", () => {
  assert.ok(templateCsv.startsWith(`\ufeff${HEADER}\r\n`));
  assert.deepEqual(problemsOf(accepted(templateCsv)), ["ROW_TEMPLATE_SAMPLE"]);
});

test("the same bytes give the same reading", () => {
  const text = `${HEADER}\n${LEAD}\n"bad\n${OTHER},x\n`;
  assert.deepEqual(accepted(bytesOf(text)), accepted(bytesOf(text)));
});
