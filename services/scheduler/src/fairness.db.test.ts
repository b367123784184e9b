import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";

import { eventually } from "@valify/runtime/testing";

import { laneOf } from "./domain/lane.ts";
import { startDueLoop } from "./due-loop.ts";
import { createFixture, eachBy, log, silentSignals, steadyBroker } from "./test-fixture.ts";

const HERD_ROWS = 12_000;
const OTHER_ROWS = 40;
/** A stream that takes so many messages in each stretch of time, as a slow broker does. */
const MESSAGES_PER_TURN = 128;
const TURN_MS = 25;

function createSlowStream() {
  let waiting: (() => void)[] = [];
  const timer = setInterval(() => {
    for (const take of waiting.splice(0, MESSAGES_PER_TURN)) take();
  }, TURN_MS);
  return {
    wait: () => new Promise<void>((resolve) => waiting.push(resolve)),
    [Symbol.dispose]() {
      clearInterval(timer);
      for (const take of waiting) take();
      waiting = [];
    },
  };
}

const groupOf = (tenantId: string) => Math.floor(laneOf(tenantId, "00") / 4);

/** Another tenant whose rows share the lanes of this one. */
function tenantBeside(tenantId: string): string {
  for (;;) {
    const other = randomUUID();
    if (groupOf(other) === groupOf(tenantId)) return other;
  }
}

// Goal: one tenant's rows due at one instant hold up nobody else, not even in the same lanes.
// Method: the order in which a slow stream gets them, far fewer a second than are due.
test("behind a herd, those due with it and after it in the same lanes come first", async () => {
  await using fixture = await createFixture();
  using stream = createSlowStream();
  const herd = randomUUID();
  const other = tenantBeside(herd);
  const instantMs = Date.now() + 2_500;
  const at = (count: number, spacingMs: number) =>
    Array.from({ length: count }, (_, index) => instantMs + index * spacingMs);
  for (let stored = 0; stored < HERD_ROWS; stored += 2_000) {
    await fixture.store(at(2_000, 0), { tenantId: herd });
  }
  await fixture.store(at(OTHER_ROWS, 0), { tenantId: other });
  await fixture.store(at(OTHER_ROWS, 10), { tenantId: other });
  const sent: string[] = [];
  await using stack = new AsyncDisposableStack();
  const loop = await startDueLoop({
    pool: fixture.pool,
    leaves: fixture.leaves,
    guard: steadyBroker,
    signals: silentSignals,
    log,
    repair: async () => {},
    publishEach: eachBy(async ({ tenant_id: tenantId }) => {
      sent.push(tenantId);
      await stream.wait();
      return { seq: sent.length, duplicate: false };
    }),
  });
  stack.use(loop);
  await eventually(() => sent.length === HERD_ROWS + 2 * OTHER_ROWS, "all sent");
  const last = sent.lastIndexOf(other);
  assert.ok(last < sent.length * 0.6, `the last of the others was number ${last}`);
});
