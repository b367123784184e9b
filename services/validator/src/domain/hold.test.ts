import assert from "node:assert/strict";
import { test } from "node:test";

import { holdDelayMs } from "./hold.ts";

const uploadedAt = new Date("2026-11-22T10:00:00Z");
const after = (ms: number) => holdDelayMs(uploadedAt, uploadedAt.getTime() + ms);
const MINUTE_MS = 60_000;

test("asks soon at first, then after a fifth of the batch's age, then every ten minutes", () => {
  assert.deepEqual([after(-5_000), after(0), after(50_000)], [10_000, 10_000, 10_000]);
  assert.equal(after(10 * MINUTE_MS), 2 * MINUTE_MS);
  assert.equal(after(300 * MINUTE_MS), 10 * MINUTE_MS);
});

test("gives up after six hours, long before the hundred attempts of a batch are used up", () => {
  assert.equal(after(361 * MINUTE_MS), null);
  let count = 0;
  for (let ageMs = 0; ; count += 1) {
    const delayMs = after(ageMs);
    if (delayMs === null) break;
    ageMs += delayMs;
  }
  assert.ok(count < 80, `${count} attempts`);
});
