import assert from "node:assert/strict";
import { test } from "node:test";

import { eventually } from "@valify/runtime/testing";

import { startDueLoop } from "./due-loop.ts";
import { createFixture, eachBy, log, silentSignals } from "./test-fixture.ts";

test("the loop says when it can't claim, and when it can again", async () => {
  await using fixture = await createFixture();
  let isAway = false;
  await using loop = await startDueLoop({
    pool: fixture.pool,
    leaves: fixture.leaves,
    guard: {
      brokerId: () => "",
      settle: async () => {
        if (isAway) throw new Error("nobody answers");
      },
    },
    signals: silentSignals,
    log: log.child({}, { level: "silent" }),
    repair: async () => {},
    publishEach: eachBy(async () => ({ seq: 1, duplicate: false })),
  });
  const canClaim = async (atMs: number) =>
    loop.check(atMs).then(
      () => true,
      () => false,
    );
  const startMs = performance.now();
  await eventually(() => canClaim(startMs + 10_000), "a first claim");
  isAway = true;
  await fixture.store([Date.now()]);
  loop.wake(Date.now());
  assert.equal(await canClaim(performance.now() + 60_000), false);
  const awayMs = performance.now();
  isAway = false;
  await eventually(() => canClaim(awayMs + 10_001), "a claim after that");
});
