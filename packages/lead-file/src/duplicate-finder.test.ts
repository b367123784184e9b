import assert from "node:assert/strict";
import { test } from "node:test";

import { createDuplicateFinder } from "./duplicate-finder.ts";
import { withFinding } from "./judge-row.ts";
import { defaultRuleProfile, type RuleProfile } from "./rules/profile.ts";
import { compileRuleset } from "./rules/ruleset.ts";
import { verdictOn } from "./testing.ts";

const finderWith = (levels: RuleProfile["levels"]) =>
  createDuplicateFinder(compileRuleset({ ...defaultRuleProfile, levels }));

test("every later row of one lead names the first as its original", () => {
  const finder = finderWith({});
  const id = "john.smith.15031990";
  assert.equal(finder.check(1, id, "1990-03-15"), null);
  assert.equal(finder.check(2, "ann.smith.15031990", "1990-03-15"), null);
  for (const row of [3, 9]) {
    assert.deepEqual(finder.check(row, id, "1990-03-15"), {
      code: "DUP_IN_FILE",
      field: "row",
      severity: "error",
      message: "Same name and date of birth as row 1",
    });
  }
});

test("a row that is fed again after a restart is no duplicate of itself", () => {
  const finder = finderWith({});
  assert.equal(finder.check(1, "john.smith.15031990", "1990-03-15"), null);
  assert.equal(finder.check(1, "john.smith.15031990", "1990-03-15"), null);
});

test("without a date of birth nobody is a duplicate", () => {
  const finder = finderWith({});
  assert.equal(finder.check(1, "john.smith.00000000", null), null);
  assert.equal(finder.check(2, "john.smith.00000000", null), null);
});

test("one more finding makes a valid verdict invalid and leaves the first one as it was", () => {
  const verdict = verdictOn("John", "Smith", "15/03/1990");
  const finding = { code: "DUP_IN_FILE", field: "row", severity: "error", message: "…" } as const;
  assert.deepEqual(withFinding(verdict, finding), {
    ...verdict,
    status: "invalid",
    errors: [finding],
  });
  assert.equal(verdict.status, "valid");
  assert.equal(withFinding({ ...verdict, status: "skipped" }, finding).status, "skipped");
});

test("the profile makes a repetition a warning, or nothing", () => {
  for (const [level, severity] of [
    ["warning", "warning"],
    ["off", undefined],
  ] as const) {
    const finder = finderWith({ DUP_IN_FILE: level });
    finder.check(1, "john.smith.15031990", "1990-03-15");
    const again = finder.check(2, "john.smith.15031990", "1990-03-15");
    assert.equal(again?.severity, severity);
  }
});

test("a finding that is no error leaves a verdict valid", () => {
  const verdict = verdictOn("John", "Smith", "15/03/1990");
  const finding = { code: "DUP_IN_FILE", field: "row", severity: "warning", message: "…" } as const;
  const marked = withFinding(verdict, finding);
  assert.deepEqual([marked.status, marked.errors, marked.warnings], ["valid", [], [finding]]);
});

const near: readonly [other: string, isNear: boolean][] = [
  ["john.smith.03041990", true], // day and month swapped
  ["john.smith.04031991", true],
  ["john.smith.14031990", true],
  ["john.smith.14031991", false],
  ["john.smyth.04031991", false],
];
for (const [other, isNear] of near) {
  test(`beside john.smith.04031990 ${other} is ${isNear ? "" : "not "}nearly the same`, () => {
    const finder = finderWith({ DUP_NEAR: "info" });
    assert.equal(finder.check(4, "john.smith.04031990", "1990-03-04"), null);
    const finding = finder.check(7, other, "…");
    const message = "Same name as row 4, and nearly the same date of birth";
    const expected = { code: "DUP_NEAR", field: "row", severity: "info", message };
    assert.deepEqual(finding, isNear ? expected : null);
    assert.equal(finderWith({}).check(7, other, "…"), null, "off unless asked for");
  });
}

test("thousands of one name cost no more than the dates that are kept of it", () => {
  const finder = finderWith({ DUP_NEAR: "info" });
  for (let row = 1; row <= 60; row += 1) {
    finder.check(row, `john.smith.0101${1900 + row}`, "…");
  }
  assert.equal(finder.check(61, "john.smith.01021955", "…"), null, "row 55 is not kept");
});
