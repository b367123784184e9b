import assert from "node:assert/strict";
import { test } from "node:test";

import * as fc from "fast-check";
import iconv from "iconv-lite";

import { guardFormula, unguardFormula } from "./formula.ts";
import { judgeRow } from "./judge-row.ts";
import { LEAD_ID_PATTERN } from "./lead-id.ts";
import { readLeadFile } from "./read-lead-file.ts";
import { createResultsWriter } from "./results-writer.ts";
import { accepted, bytesOf, contextWith } from "./testing.ts";

// Goal: whatever a table holds and however it was written, its rows come out as they went in, and
// damage costs no row but its own.
// Method: random tables in random dialects; fast-check shrinks what fails to the smallest case.

const context = contextWith();
const runs = { numRuns: 200 };

const delimiters = fc.constantFrom(",", ";", "\t", "|");
const newlines = fc.constantFrom("\n", "\r\n", "\r");
const headers = fc.record({
  first: fc.constantFrom("first_name", "First Name", "Forename(s)", "fname", "GIVEN-NAME"),
  last: fc.constantFrom("last_name", "Surname", "Family name", "lname"),
  dob: fc.constantFrom("dob", "D.O.B.", "Date of Birth (dd/mm/yyyy)", "birthday"),
});
const encodings = fc.constantFrom(
  { encoding: "utf-8", encode: bytesOf },
  { encoding: "utf-8", encode: (text: string) => bytesOf(`\ufeff${text}`) },
  {
    encoding: "utf-16le",
    encode: (text: string) => iconv.encode(text, "utf16le", { addBOM: true }),
  },
  {
    encoding: "utf-16be",
    encode: (text: string) => iconv.encode(text, "utf16be", { addBOM: true }),
  },
);

/** Any text of one line, or what people really write. */
const value = fc.oneof(
  fc.constantFrom("John", "Siobhán", "O'Neil", "St. John", "王小明", "", "n/a", "null", "=1+1"),
  fc.constantFrom('Jo "Jack"', "Smith, Jr", "a;b", "a|b", "a\tb", " John ", "__proto__"),
  fc
    .string({ unit: "grapheme", maxLength: 12 })
    .filter((text) => !/[\r\n\p{Cc}\ufeff]/u.test(text)),
);
const date = fc.oneof(
  fc.constantFrom("15/03/1990", "1/1/2001", "31/02/1990", "1990-03-15", "32947", "soon", ""),
  fc.nat({ max: 99_999_999 }).map(String),
);
/** The number in front keeps a row from being blank, a header or the template's sample. */
const leads = fc.array(fc.tuple(value, value, date), { minLength: 1, maxLength: 25 });

interface Dialect {
  readonly delimiter: string;
  readonly newline: string;
  readonly quotesAll: boolean;
  readonly endsInNewline: boolean;
}
const dialects: fc.Arbitrary<Dialect> = fc.record({
  delimiter: delimiters,
  newline: newlines,
  quotesAll: fc.boolean(),
  endsInNewline: fc.boolean(),
});

function lineOf(cells: readonly string[], { delimiter, quotesAll }: Dialect): string {
  const written = cells.map((cell) => {
    const needsQuotes =
      quotesAll || cell.includes('"') || cell.includes(delimiter) || /^\s|\s$/.test(cell);
    return needsQuotes ? `"${cell.replaceAll('"', '""')}"` : cell;
  });
  return written.join(delimiter);
}

test("a table written in any dialect is read cell by cell as it was written", () => {
  fc.assert(
    fc.property(
      leads,
      headers,
      dialects,
      encodings,
      (rows, names, dialect, { encoding, encode }) => {
        const columns = ["id", names.last, names.dob, names.first];
        const table = rows.map(([first, last, dob], index) => [`r${index}`, last, dob, first]);
        const text = [columns, ...table].map((row) => lineOf(row, dialect)).join(dialect.newline);
        const file = accepted(encode(dialect.endsInNewline ? text + dialect.newline : text));
        assert.equal(file.dialect.encoding, encoding);
        assert.equal(file.dialect.delimiter, dialect.delimiter);
        assert.deepEqual(file.dialect.header, { first_name: 3, last_name: 1, dob: 2 });
        assert.deepEqual(
          file.rows.map(({ cells }) => cells),
          table,
        );
        assert.ok(file.rows.every(({ problem }) => problem === null));
      },
    ),
    runs,
  );
});

const faults: readonly ((row: string, delimiter: string) => string)[] = [
  (row) => `"${row}`,
  (row) => `${row.slice(0, 2)}"${row.slice(2)}`,
  (row) => `"a"b${row}`,
  (row, delimiter) => `${row}${delimiter}extra${delimiter}cells`,
  () => "lonely",
  (_, delimiter) => ["id", "first_name", "last_name", "dob"].join(delimiter),
  (row, delimiter) => row.replace(delimiter, `\0${delimiter}`),
  (row) => `${"y".repeat(17_000)}${row}`,
];
const plainWord = fc.constantFrom("John", "Siobhán", "O'Neil", "王小明", "n/a", "x");
const polluted = fc.array(
  fc.record({
    lead: fc.tuple(plainWord, plainWord, fc.constantFrom("15/03/1990", "31/02/1990", "soon")),
    fault: fc.option(fc.nat({ max: faults.length - 1 }), { freq: 2 }),
    blankBefore: fc.option(fc.constantFrom("", "   ", '""'), { freq: 4 }),
  }),
  { minLength: 1, maxLength: 30 },
);

test("rows in are valid, invalid and skipped together, in order; damage costs its own row alone", () => {
  fc.assert(
    fc.property(polluted, dialects, (entries, given) => {
      const dialect = { ...given, quotesAll: false };
      const { delimiter } = dialect;
      const lines = [["id", "first_name", "last_name", "dob"].join(delimiter)];
      const expected = entries.map(({ lead, fault, blankBefore }, index) => {
        if (blankBefore !== null) lines.push(blankBefore);
        const row = [`r${index}`, ...lead].join(delimiter);
        const damage = fault === null ? undefined : faults[fault];
        lines.push(damage === undefined ? row : damage(row, delimiter));
        return { line: lines.length, cells: damage === undefined ? row.split(delimiter) : null };
      });
      const text = lines.join(dialect.newline) + (dialect.endsInNewline ? dialect.newline : "");
      const file = accepted(text);
      assert.deepEqual(
        file.rows.map(({ lineNumber, rowNumber }) => [lineNumber, rowNumber]),
        expected.map(({ line }, index) => [line, index + 1]),
      );
      const counts = { valid: 0, invalid: 0, skipped: 0 };
      for (const [index, row] of file.rows.entries()) {
        const { status } = judgeRow(row, file.dialect, context);
        counts[status] += 1;
        const cells = expected[index]?.cells ?? null;
        assert.equal(status === "skipped", cells === null);
        if (cells !== null) assert.deepEqual(row.cells, cells);
      }
      assert.equal(counts.valid + counts.invalid + counts.skipped, entries.length);
    }),
    runs,
  );
});

test("no bytes at all make the reader throw; a refusal is a documented code and the same every time", () => {
  const fragments = fc.constantFrom(
    "first_name,last_name,dob\n",
    '"',
    ",",
    "\r",
    "\n",
    "sep=;\n",
    "PK\u0003\u0004",
    "\0",
    "{",
  );
  const anyBytes = fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    fc
      .array(fc.oneof(fragments, fc.string({ unit: "binary", maxLength: 10 })), { maxLength: 30 })
      .map((parts) => bytesOf(parts.join(""))),
  );
  fc.assert(
    fc.property(anyBytes, (bytes) => {
      const reading = readLeadFile(bytes, { maxRows: 5 });
      assert.deepEqual(readLeadFile(bytes, { maxRows: 5 }), reading);
      if (reading.kind === "refused") {
        const { code, httpStatus, message } = reading.problem;
        assert.match(code, /^(?:FILE|HEADER)_[A-Z_]+$/);
        assert.ok([413, 415, 422].includes(httpStatus) && message !== "");
        return;
      }
      for (const row of reading.file.rows) {
        const verdict = judgeRow(row, reading.file.dialect, context);
        assert.match(verdict.leadId, LEAD_ID_PATTERN);
        const stored = verdict.firstName + verdict.lastName + verdict.dob;
        assert.ok(!stored.includes("\0"));
      }
    }),
    { numRuns: 2_000 },
  );
});

function verdictsOf(text: string) {
  const file = accepted(text);
  const entries = file.rows.map((row) => ({
    row,
    verdict: judgeRow(row, file.dialect, context),
  }));
  const writer = createResultsWriter(file);
  return { entries, csv: writer.header() + writer.rows(entries) };
}

test("a results file reads again with the same verdicts, and no cell of it starts a formula", () => {
  const cell = fc.oneof(
    value,
    fc.constantFrom("=x", "+1", "-1", "@a", "\t=1", " =1", "＝1", "'=x", "'t Hooft"),
  );
  const nastyLeads = fc.array(fc.tuple(cell, cell, cell), { minLength: 1, maxLength: 15 });
  fc.assert(
    fc.property(nastyLeads, (rows) => {
      const dialect = { delimiter: ",", newline: "\n", quotesAll: true, endsInNewline: true };
      const table = rows.map((row, index) => lineOf([...row, `r${index}`], dialect));
      const first = verdictsOf(`first_name,last_name,dob,id\n${table.join("\n")}\n`);
      assert.doesNotMatch(first.csv, /(?:^|[,\n])"?[\s\p{Cf}]*[=+\-@＝＋－＠]/u);
      // Without the id column a row of nothing but blanks is a blank row.
      const again = verdictsOf(first.csv);
      const shape = ({
        verdict: { status, leadId, errors, warnings },
      }: (typeof again.entries)[0]) => [status, leadId, errors, warnings];
      assert.deepEqual(again.entries.map(shape), first.entries.map(shape));
    }),
    runs,
  );
});

test("one guard is put before a formula and taken back, whatever the text", () => {
  const anyText = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.string().map((text) => `=${text}`),
  );
  fc.assert(
    fc.property(anyText, (text) => {
      assert.equal(
        unguardFormula(guardFormula(text)),
        text.startsWith("'") ? unguardFormula(text) : text,
      );
      assert.doesNotMatch(guardFormula(text), /^[\t\r\n\0]|^[\s\p{Cf}]*[=+\-@]/u);
    }),
    { numRuns: 1_000 },
  );
});
