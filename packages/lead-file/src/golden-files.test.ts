import assert from "node:assert/strict";
import { test } from "node:test";

import iconv from "iconv-lite";

import { judgeRow } from "./judge-row.ts";
import { accepted, contextWith, summaryOf } from "./testing.ts";

// Goal: one table means one thing, however it is encoded, separated, quoted and broken into lines.
// Method: every name with every date, written in every combination; the verdict is written beside
// the date and never computed. Today is 15/03/2026.

const NAMES = [
  { first: "John", last: "Smith", id: "john.smith", isWestern: true },
  { first: "Sinéad", last: "O’Brien", id: "sinead.obrien", isWestern: true },
  { first: "Anne-Marie", last: "St. John", id: "anne-marie.st-john", isWestern: true },
  { first: "Zoë", last: "García Márquez", id: "zoe.garcia-marquez", isWestern: true },
  { first: "Łukasz", last: "Wałęsa", id: "lukasz.walesa", isWestern: false },
  { first: "小明", last: "王", id: "xiaoming.wang", isWestern: false },
  { first: "Наталья", last: "Иванова", id: "natalya.ivanova", isWestern: false },
] as const;

const DATES: readonly (readonly [typed: string, id: string, findings: readonly string[]])[] = [
  ["15/03/1990", "15031990", []],
  ["5.3.1990", "05031990", []],
  ["29/02/2000", "29022000", []],
  ["1990-03-15", "15031990", ["W DOB_FORMAT_CONVERTED dob"]],
  ["01/01/1970", "01011970", ["I DOB_PLACEHOLDER dob"]],
  ["29/02/1900", "00000000", ["E DOB_NOT_REAL dob"]],
  ["15/03/90", "00000000", ["E DOB_TWO_DIGIT_YEAR dob"]],
  ["32947", "00000000", ["E DOB_EXCEL_SERIAL dob"]],
  ["15 March 1990", "00000000", ["E DOB_FORMAT dob"]],
  ["", "00000000", ["E DOB_MISSING dob"]],
  ["15/03/2026", "15032026", ["E DOB_FUTURE dob"]],
  ["16/03/2008", "16032008", ["E DOB_UNDER_MIN_AGE dob"]],
];

const ENCODINGS = [
  { name: "utf-8", label: "UTF-8", options: {}, isWesternOnly: false },
  { name: "utf-8", label: "UTF-8", options: { addBOM: true }, isWesternOnly: false },
  { name: "utf-16le", label: "utf16le", options: {}, isWesternOnly: false },
  { name: "utf-16le", label: "utf16le", options: { addBOM: true }, isWesternOnly: false },
  { name: "utf-16be", label: "utf16be", options: {}, isWesternOnly: false },
  { name: "utf-16be", label: "utf16be", options: { addBOM: true }, isWesternOnly: false },
  { name: "windows-1252", label: "win1252", options: {}, isWesternOnly: true },
] as const;

const WRITINGS = [",", ";", "\t", "|"].flatMap((delimiter) =>
  ["\n", "\r\n", "\r"].flatMap((newline) => [
    { delimiter, newline, quote: (cell: string) => cell },
    { delimiter, newline, quote: (cell: string) => `"${cell}"` },
  ]),
);

for (const { name, label, options, isWesternOnly } of ENCODINGS) {
  const mark = "addBOM" in options ? " with a mark" : "";

  test(`${name}${mark}: every name with every date in ${WRITINGS.length} ways of writing`, () => {
    const people = NAMES.filter(({ isWestern }) => isWestern || !isWesternOnly);
    const leads = people.flatMap((person) =>
      DATES.map(([typed, dobId, findings]) => ({ person, typed, dobId, findings })),
    );
    for (const { delimiter, newline, quote } of WRITINGS) {
      const rows = leads.map(({ person, typed }) => [typed, person.first, person.last]);
      const lines = [["D.O.B.", "Forename", "Surname"], ...rows].map((cells) =>
        cells.map(quote).join(delimiter),
      );
      const file = accepted(iconv.encode(lines.join(newline) + newline, label, options));
      assert.equal(file.dialect.encoding, name);
      assert.equal(file.dialect.delimiter, delimiter);
      assert.deepEqual(
        file.warnings.map(({ code }) => code),
        isWesternOnly ? ["FILE_ENCODING_ASSUMED"] : [],
      );
      const verdicts = file.rows.map((row) => judgeRow(row, file.dialect, contextWith()));
      assert.deepEqual(
        verdicts.map((verdict) => [verdict.firstName, verdict.leadId, summaryOf(verdict)]),
        leads.map(({ person, dobId, findings }) => [
          person.first,
          `${person.id}.${dobId}`,
          findings,
        ]),
      );
    }
  });
}
