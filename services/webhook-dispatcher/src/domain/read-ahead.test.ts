import assert from "node:assert/strict";
import { test } from "node:test";

import { createReadAhead } from "./read-ahead.ts";

test("takes in what it works on, and a herd more for a while after a deferral", () => {
  let nowMs = 0;
  const readAhead = createReadAhead({ now: () => nowMs, atOnceMax: 500 });
  assert.equal(readAhead.wakeUpsMax(), 500);
  readAhead.noteDeferral();
  assert.equal(readAhead.wakeUpsMax(), 10_500);
  nowMs = 4_999;
  assert.equal(readAhead.wakeUpsMax(), 10_500);
  nowMs = 5_000;
  assert.equal(readAhead.wakeUpsMax(), 500);
});
