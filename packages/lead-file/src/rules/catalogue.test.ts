import assert from "node:assert/strict";
import { test } from "node:test";

import { verdictOn } from "../testing.ts";
import { isRuleCode, type RuleCode, ruleCatalogue } from "./catalogue.ts";
import type { RuleLevel } from "./rule.ts";

const DOB = "15/03/1990";
/** Rules that need more than one row, or no rule of a profile at all: tested where they are made. */
const NOT_OF_ONE_ROW: ReadonlySet<RuleCode> = new Set<RuleCode>([
  "ROW_CONTROL_CHAR",
  "DUP_IN_FILE",
  "DUP_NEAR",
  "DUP_PREVIOUS_BATCH",
  "SUPPRESSED_ERASED",
  "FILE_DOB_ORDER_SUSPECT",
  "FILE_SAME_ROWS",
  "EXT_UNAVAILABLE",
]);

/** For every rule of one row a lead that breaks it, on 15/03/2026. */
const BREAKING: Readonly<Partial<Record<RuleCode, readonly [string, string, string]>>> = {
  FIRST_NAME_MISSING: ["", "Smith", DOB],
  LAST_NAME_MISSING: ["John", " ", DOB],
  NAME_TOO_LONG: ["ab".repeat(101), "Smith", DOB],
  NAME_CHARSET: ["John;", "Smith", DOB],
  NAME_NO_LETTERS: ["(.)", "Smith", DOB],
  NAME_REPLACEMENT_CHAR: ["Dieudonn\ufffd", "Smith", DOB],
  NAME_MOJIBAKE: ["JosÃ©", "Smith", DOB],
  NAME_INVISIBLE_REMOVED: ["Jo\u200bhn", "Smith", DOB],
  NAME_FORMULA: ["=John", "Smith", DOB],
  NAME_MARKUP_OR_URL: ["<b>John", "Smith", DOB],
  NAME_DIGITS: ["John 3", "Smith", DOB],
  NAME_TITLE: ["Mr John", "Smith", DOB],
  NAME_PLACEHOLDER: ["n/a", "Smith", DOB],
  NAME_TEST_PERSON: ["Test", "User", DOB],
  NAME_FICTIONAL: ["Mickey", "Mouse", DOB],
  NAME_REPEATED_CHAR: ["Jaaaan", "Smith", DOB],
  NAME_KEYBOARD_RUN: ["Qwerty", "Smith", DOB],
  NAME_NO_VOWEL: ["Ccjtd", "Smith", DOB],
  NAME_PROFANITY: ["Wanker", "Smith", DOB],
  NAME_SAME_FIRST_LAST: ["Ali", "ALI", DOB],
  NAME_SINGLE_LETTER: ["E", "Smith", DOB],
  NAME_MIXED_SCRIPT: ["Jоhn", "Smith", DOB], // the о is Cyrillic
  NAME_COMPANY: ["John", "Smith & Sons Ltd", DOB],
  DOB_MISSING: ["John", "Smith", ""],
  DOB_FORMAT: ["John", "Smith", "15 March 1990"],
  DOB_NOT_REAL: ["John", "Smith", "31/02/1990"],
  DOB_TWO_DIGIT_YEAR: ["John", "Smith", "15/03/90"],
  DOB_EXCEL_SERIAL: ["John", "Smith", "32947"],
  DOB_FORMAT_CONVERTED: ["John", "Smith", "1990-03-15"],
  DOB_FUTURE: ["John", "Smith", "16/03/2026"],
  DOB_TOO_OLD: ["John", "Smith", "14/03/1906"],
  DOB_UNDER_MIN_AGE: ["John", "Smith", "16/03/2008"],
  DOB_PLACEHOLDER: ["John", "Smith", "01/01/1970"],
};

const codes = Object.keys(ruleCatalogue).filter(isRuleCode);

function severitiesOf(code: RuleCode, level?: RuleLevel): string[] {
  const lead = BREAKING[code];
  assert.ok(lead, `${code} has no example`);
  const verdict = verdictOn(...lead, level === undefined ? {} : { levels: { [code]: level } });
  const findings = [...verdict.errors, ...verdict.warnings].filter(
    (finding) => finding.code === code,
  );
  const hasError = verdict.errors.length > 0;
  assert.equal(verdict.status, hasError ? "invalid" : "valid");
  return findings.map(({ severity }) => severity);
}

for (const code of codes.filter((known) => !NOT_OF_ONE_ROW.has(known))) {
  const { severity, isOn, isFixed } = ruleCatalogue[code];

  test(`${code} is ${isOn ? severity : "off"} by itself, and what a profile makes of it`, () => {
    assert.deepEqual(severitiesOf(code), isOn ? [severity] : []);
    for (const level of ["error", "warning", "info"] as const) {
      assert.deepEqual(severitiesOf(code, level), [isFixed ? severity : level]);
    }
    assert.deepEqual(severitiesOf(code, "off"), isFixed ? [severity] : []);
  });

  test(`${code} says its message, of its field`, () => {
    const { field, message } = ruleCatalogue[code];
    const lead = BREAKING[code] ?? ["", "", ""];
    const { errors, warnings } = verdictOn(...lead, { levels: { [code]: severity } });
    const finding = [...errors, ...warnings].find((one) => one.code === code);
    assert.match(finding?.message ?? "", patternOf(message));
    const names = ["first_name", "last_name"];
    assert.ok((field === "name" ? names : [field]).includes(finding?.field ?? ""));
  });
}

test("every rule of the reference page has its code, and so have the three that it names elsewhere", () => {
  // 39 without the provider's own (EXT_<provider>_<code>), then DUP_NEAR and two of the whole file.
  assert.equal(codes.length, 38 + 3);
});

test("a lead that breaks nothing hears nothing, whatever is switched on", () => {
  const levels = Object.fromEntries(codes.map((code) => [code, "error"] as const));
  const verdict = verdictOn("Siobhán", "O’Neil-Smith", DOB, { levels });
  assert.deepEqual([verdict.errors, verdict.warnings], [[], []]);
});

const companies = ["Acme Ltd", "Acme LTD.", "Acme Plc", "Acme, LLP"];
const noCompanies = ["Altd", "Ltda", "Ltd Smith"];
test("a company is known by its last word alone", () => {
  const levels = { NAME_COMPANY: "warning" } as const;
  const isFound = (name: string) => verdictOn("Ann", name, DOB, { levels }).warnings.length === 1;
  assert.deepEqual(
    companies.filter((name) => !isFound(name)),
    [],
  );
  assert.deepEqual(noCompanies.filter(isFound), []);
});

test("one letter is one letter with its marks and a point, and two are two", () => {
  const levels = { NAME_SINGLE_LETTER: "info" } as const;
  const isFound = (name: string) => verdictOn(name, "Lee", DOB, { levels }).warnings.length === 1;
  assert.deepEqual(["E", "É", "E.", "Q\u0304", "王", "Ed", "E-"].filter(isFound), [
    "E",
    "É",
    "E.",
    "Q\u0304",
    "王",
  ]);
});

test("an offensive word is a whole word: Scunthorpe and Dickinson are places and people", () => {
  const levels = { NAME_PROFANITY: "warning" } as const;
  for (const name of ["Scunthorpe", "Dickinson", "Hancock", "Cockburn", "Shitole", "Bitchin"]) {
    assert.deepEqual(verdictOn("Ann", name, DOB, { levels }).warnings, [], name);
  }
});

/** The template as a pattern: what stands in braces is filled in. */
function patternOf(message: string): RegExp {
  const escaped = message.replaceAll(/[.*+?^$()|[\]\\]/g, "\\$&");
  return new RegExp(`^${escaped.replaceAll(/\{[^}]*\}/g, ".+")}`);
}
