import assert from "node:assert/strict";
import { test } from "node:test";

import { complaint, parseTotals } from "./run-tests.ts";

const report = `TAP version 13
ok 1 - a test named
    # pass 99
# tests 7
# suites 0
# pass 3
# fail 1
# cancelled 1
# skipped 2
# todo 0
# duration_ms 12.5
`;

test("the totals are those of the report's closing lines", () => {
  assert.deepEqual(parseTotals(report), { passed: 3, failed: 2, leftOut: 2 });
  assert.deepEqual(parseTotals(""), { passed: 0, failed: 0, leftOut: 0 });
});

test("a run is good only when something ran, nothing failed and nothing was left out", () => {
  const good = { passed: 3, failed: 0, leftOut: 0, isGood: true };
  assert.equal(complaint(good), undefined);
  assert.equal(complaint({ ...good, passed: 0 }), "no test ran");
  assert.equal(complaint({ ...good, failed: 1, isGood: false }), "1 failed");
  assert.equal(complaint({ ...good, leftOut: 2 }), "2 skipped");
  assert.equal(complaint({ ...good, isGood: false }), "the runner failed");
});
