import assert from "node:assert/strict";
import { test } from "node:test";

import { outcomeOf } from "./claim-outcome.ts";

const T = 1_000_000;
const rows = (lane: number, count: number, fromMs: number, tenantId = "a") =>
  Array.from({ length: count }, (_, i) => ({ lane, tenantId, dueUs: (fromMs + i) * 1_000 }));

test("a claim that came back short covers all it looked at", () => {
  const outcome = outcomeOf(rows(3, 31, T), { limit: 512, limitPerLane: 32 }, T + 1_500);
  assert.equal(outcome.isFull, false);
  assert.equal(outcome.coveredMs, T + 1_500);
  assert.equal(outcome.fullToMs, Infinity);
});

test("a lane that gave all it may bounds what is covered, the one least far most", () => {
  const taken = [...rows(1, 32, T), ...rows(2, 32, T + 500), ...rows(3, 5, T)];
  const outcome = outcomeOf(taken, { limit: 512, limitPerLane: 32 }, T + 1_500);
  assert.equal(outcome.isFull, true);
  assert.equal(outcome.coveredMs, T + 31);
  assert.equal(outcome.fullSpanMs, 31);
});

test("a claim at its limit may have left lanes out: nothing is known to be covered", () => {
  const taken = [0, 1, 2, 3].flatMap((lane) => rows(lane, 128, T));
  const wide = outcomeOf(taken, { limit: 512, limitPerLane: 128 }, T + 1_500);
  assert.equal(wide.isFull, true);
  assert.equal(wide.coveredMs, undefined);
  const all = Array.from({ length: 16 }, (_, lane) => rows(lane, 32, T)).flat();
  const narrow = outcomeOf(all, { limit: 512, limitPerLane: 32 }, T + 1_500);
  assert.equal(narrow.coveredMs, T + 31);
});
