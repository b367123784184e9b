import assert from "node:assert/strict";
import { test } from "node:test";

import { instantText } from "./instant-text.ts";

test("an instant is written as JSON writes it, whatever was written before", () => {
  const instants = [0, 0, 1, 1_764_160_000_123, 1_764_160_000_123, 1_764_160_000_124, 0, -1];
  for (const ms of instants)
    assert.equal(JSON.stringify(new Date(ms)), `"${instantText(new Date(ms))}"`);
});

test("what is no instant is refused, again and again, and changes nothing", () => {
  assert.equal(instantText(new Date(5)), "1970-01-01T00:00:00.005Z");
  for (let round = 0; round < 2; round += 1) {
    assert.throws(() => instantText(new Date(Number.NaN)), RangeError);
  }
  assert.equal(instantText(new Date(5)), "1970-01-01T00:00:00.005Z");
});
