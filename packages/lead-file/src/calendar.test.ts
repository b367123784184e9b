import assert from "node:assert/strict";
import { test } from "node:test";

import { londonDateOf } from "./calendar.ts";

const instants: readonly [instant: string, date: [number, number, number]][] = [
  ["2026-01-15T23:30:00Z", [2026, 1, 15]],
  ["2026-07-15T22:59:59Z", [2026, 7, 15]],
  ["2026-07-15T23:30:00Z", [2026, 7, 16]],
  ["2025-12-31T23:59:59Z", [2025, 12, 31]],
  ["2026-03-29T00:30:00Z", [2026, 3, 29]],
];

for (const [instant, [year, month, day]] of instants) {
  test(`at ${instant} it is ${day}/${month}/${year} in London`, () => {
    assert.deepEqual(londonDateOf(new Date(instant)), { year, month, day });
  });
}
