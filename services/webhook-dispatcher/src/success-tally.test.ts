import assert from "node:assert/strict";
import { test } from "node:test";

import { createSuccessTally } from "./success-tally.ts";

const inMinute = (minute: number) => new Date(minute * 60_000 + 1_234);

test("counts by the minute, and from zero once it was taken", () => {
  const tally = createSuccessTally(10);
  for (const minute of [1, 1, 2]) tally.add("a", inMinute(minute));
  tally.add("b", inMinute(1));
  assert.deepEqual(tally.take("a"), [
    { minute: 1, successes: 2, failures: 0 },
    { minute: 2, successes: 1, failures: 0 },
  ]);
  assert.deepEqual(tally.take("a"), []);
  assert.equal(tally.take("b").length, 1);
});

test("remembers five minutes, and no more endpoints than it was told", () => {
  const tally = createSuccessTally(2);
  for (const minute of [1, 2, 3, 4, 5, 6]) tally.add("a", inMinute(minute));
  assert.deepEqual(
    tally.take("a").map(({ minute }) => minute),
    [2, 3, 4, 5, 6],
  );
  for (const endpointId of ["a", "b", "c"]) tally.add(endpointId, inMinute(1));
  assert.deepEqual(tally.take("a"), []);
  assert.equal(tally.take("c").length, 1);
});
