import assert from "node:assert/strict";
import { test } from "node:test";

import { DUE_AHEAD_MAX_MS, dueLeafFor } from "./due-leaf.ts";
import { DAY_MS, HOUR_MS, type Leaf } from "./leaf.ts";

const nowMs = Date.parse("2026-11-25T22:30:00Z");

test("the next 48 hours are kept by the hour, what lies further by the day", () => {
  assert.equal(dueLeafFor(nowMs + 47 * HOUR_MS, nowMs, []).name, "scheduling.due_2026112721");
  assert.equal(dueLeafFor(nowMs + 300 * DAY_MS, nowMs, []).name, "scheduling.due_20270921");
});

test("a leaf that covers the instant is used, whatever its width", () => {
  const day = dueLeafFor(nowMs + 60 * HOUR_MS, nowMs, []);
  const twoDaysLater = nowMs + 48 * HOUR_MS;
  assert.equal(dueLeafFor(nowMs + 61 * HOUR_MS, twoDaysLater, [day]), day);
});

test("no leaf ever overlaps another", () => {
  const hour = dueLeafFor(nowMs + 47 * HOUR_MS, nowMs, []);
  const sameDay = dueLeafFor(nowMs + 49 * HOUR_MS, nowMs, [hour]);
  assert.equal(sameDay.name, "scheduling.due_2026112723");
});

test("rows at every minute of a year need a bounded number of leaves", () => {
  const leaves = new Map<string, Leaf>();
  for (let aheadMs = 0; aheadMs < DUE_AHEAD_MAX_MS; aheadMs += 30 * 60_000) {
    const leaf = dueLeafFor(nowMs + aheadMs, nowMs, [...leaves.values()]);
    leaves.set(leaf.name, leaf);
  }
  assert.ok(leaves.size <= 72 + 400, `${leaves.size} leaves`);
});
