import assert from "node:assert/strict";
import { mock, test } from "node:test";

import type { WebhookDue } from "@valify/contracts";
import { eventually } from "@valify/runtime/testing";

import { startDueLoop } from "./due-loop.ts";
import { readDatabaseClock } from "./due-queries.ts";
import { createFixture, eachBy, log, silentSignals, steadyBroker } from "./test-fixture.ts";

// Goal: the host's clock decides nothing; only the database's does, and our monotonic one in between.
// Method: the process is told another date, as by an administrator or a bad time server, before and
// in the middle of the wait; the database, whose clock is right, says when each row went out.

const HOUR_MS = 3_600_000;

for (const [what, jumpMs] of [
  ["an hour ahead", HOUR_MS],
  ["a year ahead", 365 * 24 * HOUR_MS],
  ["an hour back", -HOUR_MS],
] as const) {
  test(`a host clock that jumps ${what} hastens no row and delays none`, async () => {
    await using stack = new AsyncDisposableStack();
    const fixture = stack.use(await createFixture());
    const nowMs = (await readDatabaseClock(fixture.db)) / 1_000;
    // One second of rows: the clock jumps while some are claimed and some are not.
    const stored = await fixture.store(
      Array.from({ length: 100 }, (_, index) => Math.ceil(nowMs) + 1_000 + index * 10),
    );
    const dueMsOf = new Map(stored.map(({ id, dueAt }) => [id, Date.parse(dueAt)]));

    const realMs = Date.now();
    mock.timers.enable({ apis: ["Date"], now: realMs });
    stack.defer(() => mock.timers.reset());
    const sent: { id: string; asked: Promise<number> }[] = [];
    const publish = async ({ id }: WebhookDue) => {
      sent.push({ id, asked: readDatabaseClock(fixture.db) });
      if (sent.length === 30) mock.timers.setTime(realMs + jumpMs);
      return { seq: sent.length, duplicate: false };
    };
    stack.use(
      await startDueLoop({
        pool: fixture.pool,
        leaves: fixture.leaves,
        guard: steadyBroker,
        signals: silentSignals,
        repair: async () => {},
        publishEach: eachBy(publish),
        log,
      }),
    );
    await eventually(() => sent.length === stored.length, "every row");
    for (const { id, asked } of sent) {
      const earlyMs = (dueMsOf.get(id) ?? Infinity) - (await asked) / 1_000;
      assert.ok(earlyMs <= 0, `${earlyMs} ms early`);
    }
    await eventually(async () => (await fixture.count("scheduling.due")) === 0, "an empty table");
    assert.equal(new Set(sent.map(({ id }) => id)).size, stored.length);
  });
}
