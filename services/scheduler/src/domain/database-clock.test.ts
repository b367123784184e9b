import assert from "node:assert/strict";
import { test } from "node:test";

import { createDatabaseClock } from "./database-clock.ts";

/** A database whose clock is exactly this far ahead of our monotonic one. */
const OFFSET_US = 1_000_000;
const reading = (sentMs: number, readMs: number, receivedMs: number, offsetUs = OFFSET_US) => ({
  databaseUs: readMs * 1_000 + offsetUs,
  sentMs,
  receivedMs,
});

test("the time goes on with the monotonic clock from the moment the answer arrived", () => {
  const clock = createDatabaseClock(reading(50, 50, 50));
  assert.equal(clock.nowUs(50), 1_050_000);
  // Less half a per mille, for clocks that part.
  assert.equal(clock.nowUs(52), 1_052_000 - 1);
});

test("it is never ahead of the database, however slow the answers are", () => {
  const clock = createDatabaseClock(reading(0, 1, 9));
  for (let atMs = 10; atMs < 10_000; atMs += 97) {
    clock.learn(reading(atMs, atMs + 3, atMs + 3 + (atMs % 11)));
    for (const laterMs of [14, 500, 5_000]) {
      const nowMs = atMs + laterMs;
      assert.ok(clock.nowUs(nowMs) <= nowMs * 1_000 + OFFSET_US);
    }
  }
});

test("one quick answer among slow ones sets it right", () => {
  const clock = createDatabaseClock(reading(0, 5, 40));
  clock.learn(reading(50, 50.1, 50.2));
  clock.learn(reading(60, 65, 99));
  assert.ok(clock.nowUs(100) > 100_000 + OFFSET_US - 200);
  assert.equal(Math.round(clock.errorUs()), 200);
});

test("a database clock that was set back is believed at once, one set forward as well", () => {
  const clock = createDatabaseClock(reading(0, 0.1, 0.2));
  clock.learn(reading(1_000, 1_000.1, 1_000.2, OFFSET_US - 5_000_000));
  assert.ok(clock.nowUs(1_001) < 1_001_000 + OFFSET_US - 4_900_000);
  clock.learn(reading(2_000, 2_000.1, 2_000.2, OFFSET_US + 5_000_000));
  assert.ok(clock.nowUs(2_001) > 2_001_000 + OFFSET_US + 4_900_000);
});
