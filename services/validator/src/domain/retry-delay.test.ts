import assert from "node:assert/strict";
import { test } from "node:test";

import { retryDelayMs } from "./retry-delay.ts";

test("waits a quarter of a second at first and five seconds at most, plus up to a quarter", () => {
  assert.equal(retryDelayMs(1, 0), 250);
  assert.equal(retryDelayMs(2, 0), 500);
  assert.equal(retryDelayMs(60, 0), 5_000);
  assert.equal(retryDelayMs(60, 1), 6_250);
});
