import assert from "node:assert/strict";
import { test } from "node:test";

import { createDuplicateFinder } from "./duplicate-finder.ts";
import { withFinding } from "./judge-row.ts";
import { verdictOn } from "./testing.ts";

test("every later row of one lead names the first as its original", () => {
  const finder = createDuplicateFinder();
  const id = "john.smith.15031990";
  assert.equal(finder.check(1, id, "1990-03-15"), null);
  assert.equal(finder.check(2, "ann.smith.15031990", "1990-03-15"), null);
  for (const row of [3, 9]) {
    assert.deepEqual(finder.check(row, id, "1990-03-15"), {
      code: "DUP_IN_FILE",
      field: "row",
      message: "Same name and date of birth as row 1",
    });
  }
});

test("a row that is fed again after a restart is no duplicate of itself", () => {
  const finder = createDuplicateFinder();
  assert.equal(finder.check(1, "john.smith.15031990", "1990-03-15"), null);
  assert.equal(finder.check(1, "john.smith.15031990", "1990-03-15"), null);
});

test("without a date of birth nobody is a duplicate", () => {
  const finder = createDuplicateFinder();
  assert.equal(finder.check(1, "john.smith.00000000", null), null);
  assert.equal(finder.check(2, "john.smith.00000000", null), null);
});

test("one more finding makes a valid verdict invalid and leaves the first one as it was", () => {
  const verdict = verdictOn("John", "Smith", "15/03/1990");
  const finding = { code: "DUP_IN_FILE", field: "row", message: "…" } as const;
  assert.deepEqual(withFinding(verdict, finding), {
    ...verdict,
    status: "invalid",
    errors: [finding],
  });
  assert.equal(verdict.status, "valid");
  assert.equal(withFinding({ ...verdict, status: "skipped" }, finding).status, "skipped");
});
