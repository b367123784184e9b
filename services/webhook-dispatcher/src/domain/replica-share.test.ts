import assert from "node:assert/strict";
import { test } from "node:test";

import { shareOf } from "./replica-share.ts";

const sharesOf = (limit: number, live: number) =>
  Array.from({ length: live }, (_, rank) => shareOf(limit, { live, rank }));

for (const [limit, live, shares] of [
  [10, 1, [10]],
  [10, 2, [5, 5]],
  [10, 3, [4, 3, 3]],
  [11, 3, [4, 4, 3]],
  [3, 3, [1, 1, 1]],
  [2, 3, [1, 1, 1]], // one more than the limit: see ADR 56
  [1, 1, [1]],
] as const) {
  test(`a limit of ${limit} is ${shares.join(", ")} for ${live} replicas`, () => {
    assert.deepEqual(sharesOf(limit, live), shares);
  });
}

test("the shares are the limit, where it suffices for one each, and differ by one at most", () => {
  for (let live = 1; live <= 20; live += 1) {
    for (let limit = live; limit <= 256; limit += 1) {
      const shares = sharesOf(limit, live);
      assert.equal(
        shares.reduce((sum, share) => sum + share, 0),
        limit,
        `${limit} among ${live}`,
      );
      assert.ok(Math.max(...shares) - Math.min(...shares) <= 1, `${limit} among ${live}`);
    }
  }
});

// Whoever learns first that somebody has gone takes more while the others still take what they had.
test("when a replica goes nobody's share shrinks", () => {
  for (let live = 2; live <= 8; live += 1) {
    for (let limit = 1; limit <= 64; limit += 1) {
      for (let rank = 0; rank < live - 1; rank += 1) {
        const before = Math.max(
          ...[rank, rank + 1].map((old) => shareOf(limit, { live, rank: old })),
        );
        const after = shareOf(limit, { live: live - 1, rank });
        assert.ok(after >= before, `${limit}, rank ${rank} of ${live}: ${before}, then ${after}`);
      }
    }
  }
});

test("who has not been seen by the others yet takes one", () => {
  assert.equal(shareOf(64, null), 1);
});
