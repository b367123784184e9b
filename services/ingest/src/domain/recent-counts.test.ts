import assert from "node:assert/strict";
import { test } from "node:test";

import { createRecentCounts, ENTRIES_MAX, FRESH_MS, STALE_MS } from "./recent-counts.ts";

/** Every count is the next number; `hold` makes it wait, `fail` refuses it. */
function setUp() {
  const asked: string[] = [];
  const held: PromiseWithResolvers<void>[] = [];
  const state = { nowMs: 0, holds: false, fails: false };
  const recent = createRecentCounts<number>({
    nowMs: () => state.nowMs,
    count: async (tenantId, batchUuid) => {
      const number = asked.push(`${tenantId} ${batchUuid}`);
      if (state.fails) throw new Error("no database");
      if (state.holds) {
        const gate = Promise.withResolvers<void>();
        held.push(gate);
        await gate.promise;
      }
      return number;
    },
  });
  return {
    recent,
    asked,
    state,
    release: () => held.splice(0).forEach(({ resolve }) => resolve()),
  };
}

/** Lets what was begun behind an answer come to its end. */
const settle = () => new Promise((resolve) => void setImmediate(resolve));

test("however many ask at once or within a second, a batch is counted once", async () => {
  const { recent, asked, state, release } = setUp();
  state.holds = true;
  const answers = Array.from({ length: 50 }, () => recent.of("t", "b"));
  release();
  assert.deepEqual(new Set(await Promise.all(answers)), new Set([1]));
  state.nowMs = FRESH_MS - 1;
  assert.equal(await recent.of("t", "b"), 1);
  assert.equal(asked.length, 1);
});

test("an older count is answered at once, and the next asker gets the one begun meanwhile", async () => {
  const { recent, asked, state, release } = setUp();
  await recent.of("t", "b");
  state.nowMs = FRESH_MS;
  state.holds = true;
  assert.deepEqual(await Promise.all([recent.of("t", "b"), recent.of("t", "b")]), [1, 1]);
  release();
  await settle();
  assert.equal(await recent.of("t", "b"), 2);
  assert.equal(asked.length, 2);
});

test("nobody is answered with a count older than the bound, taken from when it began", async () => {
  const { recent, state, release } = setUp();
  state.holds = true;
  const first = recent.of("t", "b");
  state.nowMs = STALE_MS;
  release();
  assert.equal(await first, 1);
  state.holds = false;
  state.nowMs = STALE_MS + 1;
  assert.equal(await recent.of("t", "b"), 2);
});

test("a count begun before a change is nobody's answer after it", async () => {
  const { recent, state, release } = setUp();
  state.holds = true;
  const before = recent.of("t", "b");
  recent.forget("t", "b");
  state.holds = false;
  assert.equal(await recent.of("t", "b"), 2);
  release();
  assert.equal(await before, 1);
  await settle();
  assert.equal(await recent.of("t", "b"), 2);
});

test("a tenant's counts are never another's", async () => {
  const { recent, asked } = setUp();
  assert.equal(await recent.of("one", "b"), 1);
  assert.equal(await recent.of("two", "b"), 2);
  assert.deepEqual(asked, ["one b", "two b"]);
});

test("a count that fails behind an answer harms nobody, and is tried again", async () => {
  const { recent, asked, state } = setUp();
  await recent.of("t", "b");
  Object.assign(state, { nowMs: FRESH_MS, fails: true });
  assert.equal(await recent.of("t", "b"), 1);
  await settle();
  state.nowMs = STALE_MS + 1;
  await assert.rejects(recent.of("t", "b"), /no database/);
  state.fails = false;
  assert.equal(await recent.of("t", "b"), 4);
  assert.equal(asked.length, 4);
});

test("only so many batches are remembered: the one counted longest ago goes first", async () => {
  const { recent, asked } = setUp();
  for (let index = 0; index <= ENTRIES_MAX; index += 1) await recent.of("t", `b${index}`);
  await recent.of("t", "b1");
  assert.equal(asked.length, ENTRIES_MAX + 1);
  await recent.of("t", "b0");
  assert.equal(asked.length, ENTRIES_MAX + 2);
});
