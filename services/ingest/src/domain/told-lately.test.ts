import assert from "node:assert/strict";
import { test } from "node:test";

import { createToldLately, ENTRIES_MAX, WINDOW_MS } from "./told-lately.ts";

test("what was told is remembered for an hour, and for another when it is told again", () => {
  let nowMs = 5;
  const told = createToldLately(() => nowMs);
  assert.equal(told.has("a"), false);
  told.add("a");
  nowMs += WINDOW_MS - 1;
  assert.deepEqual([told.has("a"), told.has("b")], [true, false]);
  nowMs += 1;
  assert.equal(told.has("a"), false);
  told.add("a");
  assert.equal(told.has("a"), true);
});

test("no more is kept than the bound: the one told longest ago goes first", () => {
  const told = createToldLately(() => 0);
  for (let index = 0; index < ENTRIES_MAX; index += 1) told.add(String(index));
  told.add("0");
  told.add("one more");
  assert.deepEqual([told.has("0"), told.has("1"), told.has("2")], [true, false, true]);
});
