import assert from "node:assert/strict";
import { test } from "node:test";

import { decideAfterAttempt } from "./decide-after-attempt.ts";

const endedAt = new Date("2026-11-22T10:00:00Z");

const decide = (outcome: "delivered" | "http_5xx", attempt: number) =>
  decideAfterAttempt(outcome, endedAt, attempt, [1_000], 0.5);

test("a success ends it, a failure with a retry left waits, the last failure exhausts it", () => {
  assert.deepEqual(decide("delivered", 2), { state: "delivered", nextAttemptAt: null });
  const nextAttemptAt = new Date("2026-11-22T10:00:01Z");
  assert.deepEqual(decide("http_5xx", 1), { state: "waiting", nextAttemptAt });
  assert.deepEqual(decide("http_5xx", 2), { state: "exhausted", nextAttemptAt: null });
});
