import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";

import { LANE_COUNT, laneOf } from "./lane.ts";

const tenant = "5f0c6a52-6a7e-4a51-9a3e-0d7a1b2c3d4e";

test("a row's lane never changes, since it is part of the row's key", () => {
  assert.equal(laneOf(tenant, "00000000-0000-4000-8000-0000000000ff"), 7);
  assert.equal(laneOf(tenant, "00000000-0000-4000-8000-000000000000"), 4);
});

test("a tenant owns four lanes and uses all of them", () => {
  const lanes = new Set(Array.from({ length: 200 }, () => laneOf(tenant, randomUUID())));
  assert.deepEqual(
    [...lanes].toSorted((a, b) => a - b),
    [4, 5, 6, 7],
  );
});

test("many tenants spread over every lane", () => {
  const lanes = new Set(Array.from({ length: 500 }, () => laneOf(randomUUID(), randomUUID())));
  assert.equal(lanes.size, LANE_COUNT);
});
