import assert from "node:assert/strict";
import { test } from "node:test";

import { createFixture, silentSignals } from "./test-fixture.ts";
import { readBacklog } from "./watch-backlog.ts";

test("the backlog is what is past its instant, and how long the oldest of it is", async () => {
  await using fixture = await createFixture();
  const nowMs = Date.now();
  await fixture.store([nowMs - 20_000, nowMs - 10_000, nowMs + 60_000]);
  const seen: { rows: number; seconds: number }[] = [];
  await readBacklog({
    ...fixture,
    signals: {
      ...silentSignals,
      observeBacklog: (rows, seconds) => void seen.push({ rows, seconds }),
    },
    lowMs: () => nowMs - 3_600_000,
    nowMs: () => nowMs + 1_000,
  });
  assert.equal(seen[0]?.rows, 2);
  assert.ok((seen[0]?.seconds ?? 0) >= 20 && (seen[0]?.seconds ?? 0) < 60);
});
