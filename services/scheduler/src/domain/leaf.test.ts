import assert from "node:assert/strict";
import { test } from "node:test";

import { DUE_DAYS, DUE_HOURS, LEDGER, leafOf, leafOfName, leavesBetween } from "./leaf.ts";

test("a leaf is the UTC hour of the instant, whatever the local clock does", () => {
  // 01:30Z on the last Sunday of October, when London's clocks go back.
  const leaf = leafOf(DUE_HOURS, Date.parse("2026-10-25T01:30:00Z"));
  assert.equal(leaf.name, "scheduling.due_2026102501");
  assert.equal(leaf.from.toISOString(), "2026-10-25T01:00:00.000Z");
  assert.equal(leaf.to.toISOString(), "2026-10-25T02:00:00.000Z");
});

test("a leaf is found again by its name, in its own grid alone", () => {
  const found = leafOfName(DUE_HOURS, "due_2026102501");
  assert.equal(found?.from.toISOString(), "2026-10-25T01:00:00.000Z");
  assert.equal(leafOfName(DUE_DAYS, "due_2026102501"), undefined);
  assert.equal(leafOfName(DUE_HOURS, "cancelled_batch"), undefined);
  for (const grid of [DUE_HOURS, DUE_DAYS, LEDGER]) {
    const leaf = leafOf(grid, Date.parse("2028-02-29T23:59:59.999Z"));
    assert.deepEqual(leafOfName(grid, leaf.name), leaf);
  }
});

test("the range of an instant to itself is one leaf, across midnight two", () => {
  const midnight = Date.parse("2026-11-22T00:00:00Z");
  assert.equal(leavesBetween(DUE_HOURS, midnight, midnight).length, 1);
  const names = leavesBetween(DUE_HOURS, midnight - 1, midnight).map(({ name }) => name);
  assert.deepEqual(names, ["scheduling.due_2026112123", "scheduling.due_2026112200"]);
});
