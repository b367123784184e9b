import assert from "node:assert/strict";
import { test } from "node:test";

import { monthOf, spanOfMonth } from "./usage-month.ts";

test("a month ends where the next begins, also at the end of a year", () => {
  assert.deepEqual(spanOfMonth("2026-12"), {
    from: new Date("2026-12-01T00:00:00Z"),
    until: new Date("2027-01-01T00:00:00Z"),
  });
  assert.deepEqual(spanOfMonth("2028-02").until, new Date("2028-03-01T00:00:00Z"));
});

test("the month of an instant is that of UTC", () => {
  assert.equal(monthOf(new Date("2026-12-01T00:30:00+01:00")), "2026-11");
});
