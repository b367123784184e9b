import assert from "node:assert/strict";
import { test } from "node:test";

import { allowance, nextTypicalMs, pacePerSecond } from "./endpoint-pace.ts";

const occupancy = { concurrency: 10, typicalMs: 20, oldestMs: 0 };

test("a quick endpoint may fill the process, a slow one hardly more than its places", () => {
  assert.equal(allowance(occupancy, 2_000), 1_010);
  assert.equal(allowance({ ...occupancy, typicalMs: 1_000 }, 2_000), 30);
  assert.equal(allowance({ ...occupancy, typicalMs: 15_000 }, 2_000), 11);
});

test("a request that hangs counts before it has ended", () => {
  assert.equal(allowance({ ...occupancy, oldestMs: 500 }, 2_000), 50);
  assert.equal(allowance({ ...occupancy, oldestMs: 10_000 }, 2_000), 12);
});

test("of an unknown endpoint something is assumed", () => {
  assert.equal(allowance({ ...occupancy, typicalMs: null }, 2_000), 410);
  assert.equal(pacePerSecond({ ...occupancy, typicalMs: null }), 200);
});

test("the pace is what the places finish, and never less than one a second for each", () => {
  assert.equal(pacePerSecond(occupancy), 500);
  assert.equal(pacePerSecond({ ...occupancy, typicalMs: 15_000 }), 10);
});

test("recent requests count most", () => {
  assert.equal(nextTypicalMs(null, 50), 50);
  assert.equal(nextTypicalMs(50, 100), 60);
  let typicalMs: number | null = 10;
  for (let request = 0; request < 20; request += 1) typicalMs = nextTypicalMs(typicalMs, 1_000);
  assert.ok(typicalMs > 950);
});
