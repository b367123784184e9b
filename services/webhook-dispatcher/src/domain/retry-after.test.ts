import assert from "node:assert/strict";
import { test } from "node:test";

import { retryAfterMs } from "./retry-after.ts";

const now = new Date("1994-11-06T08:49:30Z");
const DAY_MS = 86_400_000;

test("seconds are read as they are, a year is a day", () => {
  assert.equal(retryAfterMs("7", now), 7_000);
  assert.equal(retryAfterMs(" 0 ", now), 0);
  assert.equal(retryAfterMs("31536000", now), DAY_MS);
});

test("an HTTP-date is read in all three forms, in GMT, a past one as now", () => {
  for (const date of [
    "Sun, 06 Nov 1994 08:49:37 GMT",
    "Sunday, 06-Nov-94 08:49:37 GMT",
    "Sun Nov  6 08:49:37 1994",
  ]) {
    assert.equal(retryAfterMs(date, now), 7_000, date);
  }
  assert.equal(retryAfterMs("Sun, 06 Nov 1994 08:49:00 GMT", now), 0);
  assert.equal(retryAfterMs("Mon, 06 Nov 1995 08:49:37 GMT", now), DAY_MS);
});

test("anything else is no Retry-After", () => {
  const bad = [
    undefined,
    "",
    "soon",
    "-5",
    "1.5",
    "7s",
    "1e3",
    "0x10",
    "Sun, 99 Nov 1994 08:49:37 GMT",
  ];
  for (const value of [...bad, "2026-11-22T10:00:00Z", "9".repeat(40)]) {
    assert.equal(retryAfterMs(value, now), null, value);
  }
});
