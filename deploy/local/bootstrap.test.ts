import assert from "node:assert/strict";
import { test } from "node:test";

import { isNewEnough } from "./bootstrap.mjs";

test("Node runs TypeScript as it is from 24.12", () => {
  assert.deepEqual(["24.12.0", "24.21.0", "25.0.0"].map(isNewEnough), [true, true, true]);
  assert.deepEqual(["18.0.0", "22.18.0", "24.11.9"].map(isNewEnough), [false, false, false]);
});
