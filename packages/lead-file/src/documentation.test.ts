import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { FILE_PROBLEM_CODES, FILE_WARNING_CODES, fileProblem } from "./file-problem.ts";
import { ROW_PROBLEM_CODES } from "./lead-file.ts";
import { isRuleCode, ruleCatalogue } from "./rules/catalogue.ts";

// Goal: the page says what the code does. Method: its tables, row by row, are made of the code.
const page = readFileSync(new URL("../../../docs/lead-files.md", import.meta.url), "utf8");
const rows = page
  .split("\n")
  .filter((line) => /^\|[A-Z]+_[A-Z_]+\|/.test(line))
  .map((line) => line.split("|").slice(1, -1));
const ruleRows = Object.keys(ruleCatalogue)
  .filter(isRuleCode)
  .map((code) => {
    const { severity, isOn, isFixed, message } = ruleCatalogue[code];
    return [code, severity, `${isOn ? "on" : "off"}${isFixed ? ", fixed" : ""}`, message];
  });

test("every refusal of a file is listed with its HTTP status", () => {
  for (const code of FILE_PROBLEM_CODES) {
    const found = rows.find((row) => row[0] === code && row.length === 3);
    assert.equal(found?.[1], String(fileProblem(code, "").httpStatus), code);
  }
});

test("every remark about a file, and every problem of a row, is listed", () => {
  const listed = rows.filter((row) => row.length === 2).map(([code]) => code);
  assert.deepEqual(listed, [...FILE_WARNING_CODES, ...ROW_PROBLEM_CODES]);
});

test("every rule is listed with its severity, its default and its message", () => {
  assert.deepEqual(
    rows.filter((row) => row.length === 4),
    ruleRows,
    ruleRows.map((row) => `|${row.join("|")}|`).join("\n"),
  );
});

test("no code is listed that there is none of", () => {
  const known = new Set<string>([
    ...FILE_PROBLEM_CODES,
    ...FILE_WARNING_CODES,
    ...ROW_PROBLEM_CODES,
    ...Object.keys(ruleCatalogue),
  ]);
  assert.deepEqual(
    rows.map(([code = ""]) => code).filter((code) => !known.has(code)),
    [],
  );
});
