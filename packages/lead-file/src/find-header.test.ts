import assert from "node:assert/strict";
import { test } from "node:test";

import { accepted, problemsOf, refused } from "./testing.ts";

const LEAD = "John,Smith,15/03/1990";

const mapped: readonly [header: string, delimiter: string, columns: [number, number, number]][] = [
  ["first_name,last_name,dob", ",", [0, 1, 2]],
  ["dob;last_name;first_name", ";", [2, 1, 0]],
  ["id\tFirst Name\tLast Name\tDate of Birth", "\t", [1, 2, 3]],
  ["Forename|Surname|D.O.B.", "|", [0, 1, 2]],
  ["Forename(s),Family-Name,Date of Birth (dd/mm/yyyy)", ",", [0, 1, 2]],
  ["GIVEN NAMES,LNAME,birthday", ",", [0, 1, 2]],
  ["Christian name,last,Birth_Date", ",", [0, 1, 2]],
  ['"first","surname","DOB (DD/MM/YYYY)"', ",", [0, 1, 2]],
  ['fname;lname;dob;"notes, a; b"', ";", [0, 1, 2]],
  ["ｆｉｒｓｔ＿ｎａｍｅ,last_name,ＤＯＢ", ",", [0, 1, 2]],
  ["'first_name,\ufefflast_name,dob", ",", [0, 1, 2]],
  ['"first\nname",last_name,"Date\nof birth"', ",", [0, 1, 2]],
  ["__proto__,constructor,first_name,last_name,dob", ",", [2, 3, 4]],
];

for (const [header, delimiter, [first_name, last_name, dob]] of mapped) {
  test(`maps the header ${JSON.stringify(header)}`, () => {
    const width = Math.max(first_name, last_name, dob) + 1;
    const row = Array.from({ length: width }, (_, index) => (index === dob ? "1/1/1990" : "Ann"));
    const { dialect } = accepted(`${header}\n${row.join(delimiter)}\n`);
    assert.deepEqual(dialect.header, { first_name, last_name, dob });
    assert.equal(dialect.delimiter, delimiter);
  });
}

test("the delimiter is the one under which the header maps, whatever the cells hold", () => {
  const file = accepted('first_name;last_name;dob;notes\n"Ann";Lee;15/03/1990;a, b, c, d, e\n');
  assert.equal(file.dialect.delimiter, ";");
  assert.deepEqual(file.rows[0]?.cells, ["Ann", "Lee", "15/03/1990", "a, b, c, d, e"]);
});

for (const separator of ["sep=;", "SEP=;\r", '"sep=;"', "sep=;,,"]) {
  test(`the line ${JSON.stringify(separator)} is honoured and dropped`, () => {
    const file = accepted(`${separator}\nfirst_name;last_name;dob\nAnn;Lee;15/03/1990\n`);
    assert.equal(file.dialect.delimiter, ";");
    assert.equal(file.rows[0]?.lineNumber, 3);
  });
}

test("a sep line may name a delimiter that is never looked for, or be wrong", () => {
  const caret = accepted("sep=^\nfirst_name^last_name^dob\nAnn^Lee^15/03/1990\n");
  assert.equal(caret.dialect.delimiter, "^");
  const wrong = accepted(`sep=;\nfirst_name,last_name,dob\n${LEAD}\n`);
  assert.equal(wrong.dialect.delimiter, ",");
});

const refusals: readonly [name: string, text: string, code: string, message: RegExp][] = [
  [
    "data first",
    `${LEAD}\nAnn,Lee,1/1/1990`,
    "HEADER_MISSING",
    /found "John, Smith, 15\/03\/1990"$/,
  ],
  ["data of one called Last", "Amy,Last,15/03/1990\n", "HEADER_MISSING", /found "Amy, Last/],
  [
    "data below the header's place",
    `${LEAD}\nfirst_name,last_name,dob\n${LEAD}`,
    "HEADER_MISSING",
    /John/,
  ],
  ["no header word", "alpha,beta\n1,2", "HEADER_MISSING", /found "alpha, beta"$/],
  [
    "a header in the sixth line",
    `a\nb\nc\nd\ne\nfirst_name,last_name,dob\n${LEAD}`,
    "HEADER_MISSING",
    /"a"$/,
  ],
  [
    "no dob",
    "first_name,last_name\nAnn,Lee",
    "HEADER_COLUMN_MISSING",
    /^Column "dob" is missing\. Accepted names: dob, date of birth/,
  ],
  [
    "a full name beside a last name",
    "name,last_name,dob\n",
    "HEADER_COLUMN_MISSING",
    /"first_name"/,
  ],
  ["a full name alone", "full name,dob\nAnn Lee,1/1/1990", "HEADER_FULL_NAME", /separate columns/],
  ["a full name and nothing else", "Name\nAnn Lee", "HEADER_FULL_NAME", /separate columns/],
  [
    "two columns of one meaning",
    "first_name,last_name,dob,Forename\n",
    "HEADER_DUPLICATE",
    /^Columns 1 and 4 both mean first_name\. Keep one$/,
  ],
  [
    "65 columns",
    `first_name,last_name,dob${",x".repeat(62)}\n`,
    "HEADER_TOO_MANY_COLUMNS",
    /65 columns/,
  ],
];

for (const [name, text, code, message] of refusals) {
  test(`${name}: the file is refused as ${code}`, () => {
    const problem = refused(text);
    assert.equal(problem.code, code);
    assert.equal(problem.httpStatus, 422);
    assert.match(problem.message, message);
  });
}

test("a full name beside first and last name is an ignored column", () => {
  const file = accepted(`first_name,last_name,dob,name\n${LEAD},John Smith\n`);
  assert.deepEqual(file.warnings, [
    { code: "HEADER_COLUMN_IGNORED", message: 'Column "name" was ignored' },
  ]);
});

test("lines above the header are skipped with a warning, and rows keep their physical line", () => {
  const file = accepted(`Leads of May\n\nexported,01/05/2026\nfirst_name,last_name,dob\n${LEAD}\n`);
  assert.deepEqual(file.warnings, [
    { code: "FILE_PREAMBLE_SKIPPED", message: "Skipped 2 lines above the header" },
  ]);
  assert.deepEqual(
    file.rows.map(({ rowNumber, lineNumber }) => [rowNumber, lineNumber]),
    [[1, 5]],
  );
  const [one] = accepted(`Leads of May\nfirst_name,last_name,dob\n${LEAD}\n`).warnings;
  assert.equal(one?.message, "Skipped 1 line above the header");
});

test("a header may stand below 1,000 blank rows, and is not looked for below more", () => {
  const blank = '"",\n';
  assert.equal(accepted(`${blank.repeat(1_000)}first_name,last_name,dob\n${LEAD}`).rows.length, 1);
  const problem = refused(`${blank.repeat(1_001)}first_name,last_name,dob\n${LEAD}`);
  assert.equal(problem.code, "HEADER_MISSING");
});

test("extra and nameless columns are ignored, each with a warning", () => {
  const file = accepted(`first_name,last_name,dob,notes,,__proto__\n${LEAD},x,y,z\n`);
  assert.deepEqual(file.warnings, [
    { code: "HEADER_COLUMN_IGNORED", message: 'Column "notes" was ignored' },
    { code: "HEADER_BLANK", message: "Column 5 has no name and was ignored" },
    { code: "HEADER_COLUMN_IGNORED", message: 'Column "__proto__" was ignored' },
  ]);
  assert.deepEqual(problemsOf(file), [null]);
});
