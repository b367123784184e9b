import assert from "node:assert/strict";
import { test } from "node:test";

import { blameForSilence } from "./silence-blame.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const since = 10 * HOUR_MS;

const blame = (afterMs: number, lastAnsweredMs: number | null) =>
  blameForSilence({ nowMs: since + afterMs, failingSinceMs: since, lastAnsweredMs });

test("while no name at all is resolved it is our resolver, for an hour and more", () => {
  assert.equal(blame(0, null), "ours");
  assert.equal(blame(HOUR_MS, since - 1), "ours");
  assert.equal(blame(6 * HOUR_MS - 1, null), "ours");
});

test("another name resolved two minutes into it puts the blame on the name", () => {
  assert.equal(blame(3 * MINUTE_MS, since + 2 * MINUTE_MS - 1), "ours");
  assert.equal(blame(3 * MINUTE_MS, since + 2 * MINUTE_MS), "theirs");
});

test("after six hours it is the name's, whatever became of the others", () => {
  assert.equal(blame(6 * HOUR_MS, null), "theirs");
  assert.equal(blame(6 * HOUR_MS, since - 1), "theirs");
});
