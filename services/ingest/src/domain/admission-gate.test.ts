import assert from "node:assert/strict";
import { test } from "node:test";

import { BROKER_GRACE_MS, closedReasons } from "./admission-gate.ts";

const well = { utilization: 0.5, isDatabaseAway: false, brokerAwayMs: 0 };

const at = (before: readonly "memory"[], utilization: number) =>
  closedReasons(before, { ...well, utilization });

test("closes at 80 % of the memory and opens again at 70 %", () => {
  assert.deepEqual(at([], 0.79), []);
  assert.deepEqual(at([], 0.8), ["memory"]);
  assert.deepEqual(at(["memory"], 0.75), ["memory"]);
  assert.deepEqual(at(["memory"], 0.701), ["memory"]);
  assert.deepEqual(at(["memory"], 0.7), []);
  assert.deepEqual(at([], 0.75), []);
});

test("closes while the database is away, and once the broker has been for a while", () => {
  assert.deepEqual(closedReasons([], { ...well, isDatabaseAway: true }), ["database"]);
  assert.deepEqual(closedReasons([], { ...well, brokerAwayMs: BROKER_GRACE_MS - 1 }), []);
  const away = { ...well, brokerAwayMs: BROKER_GRACE_MS };
  assert.deepEqual(closedReasons([], away), ["broker"]);
  assert.deepEqual(closedReasons(["broker"], well), []);
  const all = { utilization: 0.9, isDatabaseAway: true, brokerAwayMs: BROKER_GRACE_MS };
  assert.deepEqual(closedReasons([], all), ["memory", "database", "broker"]);
});
