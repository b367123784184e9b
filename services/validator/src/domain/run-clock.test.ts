import assert from "node:assert/strict";
import { test } from "node:test";

import { databaseNowMs } from "./run-clock.ts";

test("adds the monotonic time since the reading, in whole milliseconds, never rounded up", () => {
  const reading = { databaseMs: 1_700_000_000_000.4, receivedMs: 50.1 };
  assert.equal(databaseNowMs(reading, 50.1), 1_700_000_000_000);
  assert.equal(databaseNowMs(reading, 51.6), 1_700_000_000_001);
});
