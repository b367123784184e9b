import assert from "node:assert/strict";
import { test } from "node:test";

import { nextAttemptAt } from "./retry-schedule.ts";

const failedAt = new Date("2026-11-22T10:00:00Z");
const delaysMs = [60_000, 300_000, 1_500_000];

test("waits 1 min after the first failure, 25 min less a fifth after the third", () => {
  assert.deepEqual(nextAttemptAt(failedAt, 1, delaysMs, 0.5), new Date("2026-11-22T10:01:00Z"));
  assert.deepEqual(nextAttemptAt(failedAt, 3, delaysMs, 0), new Date("2026-11-22T10:20:00Z"));
});

test("gives up after the fourth attempt, or the first where no retry is configured", () => {
  assert.equal(nextAttemptAt(failedAt, 4, delaysMs, 0), null);
  assert.equal(nextAttemptAt(failedAt, 1, [], 0), null);
});
