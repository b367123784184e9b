import assert from "node:assert/strict";
import { test } from "node:test";

import { requireAhead } from "./require-ahead.ts";

test("loading that ended by the first instant is measured, later it is said by how much", () => {
  requireAhead(1_000, 999);
  requireAhead(1_000, 1_000);
  assert.throws(() => requireAhead(1_000, 1_250), /ended 250 ms after/);
});

test("the clock is the system's unless told", () => {
  requireAhead(Date.now() + 60_000);
  assert.throws(() => requireAhead(Date.now() - 60_000), /nothing was measured/);
});
