import assert from "node:assert/strict";
import { test } from "node:test";

import { createReadAhead } from "./read-ahead.ts";

function start() {
  let nowMs = 0;
  const readAhead = createReadAhead({ now: () => nowMs, atOnceMax: 500 });
  const defer = (count: number) => {
    for (let n = 0; n < count; n += 1) readAhead.noteDeferral();
  };
  return { readAhead, defer, at: (ms: number) => (nowMs = ms) };
}

test("takes in what it works on, and a herd more for a while after many deferrals", () => {
  const { readAhead, defer, at } = start();
  assert.equal(readAhead.wakeUpsMax(), 500);
  defer(199);
  assert.equal(readAhead.wakeUpsMax(), 500);
  at(4_000);
  defer(1);
  assert.equal(readAhead.wakeUpsMax(), 10_500);
  at(8_999);
  assert.equal(readAhead.wakeUpsMax(), 10_500);
  at(9_000);
  assert.equal(readAhead.wakeUpsMax(), 500);
});

test("after a calm the count begins anew", () => {
  const { readAhead, defer, at } = start();
  defer(199);
  at(5_000);
  defer(199);
  assert.equal(readAhead.wakeUpsMax(), 500);
  defer(1);
  assert.equal(readAhead.wakeUpsMax(), 10_500);
});
