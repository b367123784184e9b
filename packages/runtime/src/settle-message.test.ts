import assert from "node:assert/strict";
import { test } from "node:test";

import { nakDelayMs } from "./settle-message.ts";
import { DELIVERIES_MAX } from "./topology.ts";

test("a message comes back after 250 ms, then twice as long each time, up to 5 s", () => {
  const delays = [1, 2, 3, 4, 5, 6, 7].map((attempt) => nakDelayMs(attempt, 0));
  assert.deepEqual(delays, [250, 500, 1_000, 2_000, 4_000, 5_000, 5_000]);
});

test("up to a quarter is added at random", () => {
  assert.equal(nakDelayMs(1, 0.5), 281);
  assert.equal(nakDelayMs(20, 0.999_999), 6_250);
});

test("a message is tried for more than a minute before it becomes a dead letter", () => {
  let totalMs = 0;
  for (let attempt = 1; attempt < DELIVERIES_MAX - 1; attempt += 1) {
    totalMs += nakDelayMs(attempt, 0);
  }
  assert.ok(totalMs >= 60_000, `${totalMs} ms`);
});
