import assert from "node:assert/strict";
import { test } from "node:test";

import { createBatcher } from "./batcher.ts";

/** Records each batch and answers it when told to. */
function work() {
  const batches: (readonly number[])[] = [];
  const answers: (() => void)[] = [];
  return {
    batches,
    /** Answers the oldest batch under work and lets everything that follows from it happen. */
    answer: async () => {
      answers.shift()?.();
      await settled();
    },
    run: (items: readonly number[]) => {
      batches.push(items);
      return new Promise<readonly string[]>((resolve) => {
        answers.push(() => resolve(items.map((item) => `done ${item}`)));
      });
    },
  };
}

/** Every promise callback that can run has run. */
function settled(): Promise<unknown> {
  return new Promise(setImmediate);
}

test("a full batch leaves at once, and each caller gets its own result", async () => {
  const { run, batches, answer } = work();
  const batcher = createBatcher({ itemsMax: 3, delayMs: 60_000, concurrency: 1, run });
  const results = Promise.all([1, 2, 3].map((item) => batcher.add(item)));
  assert.deepEqual(batches, [[1, 2, 3]]);
  await answer();
  assert.deepEqual(await results, ["done 1", "done 2", "done 3"]);
});

test("a batch that never fills leaves when its first item has waited long enough", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { run, batches } = work();
  const batcher = createBatcher({ itemsMax: 10, delayMs: 5, concurrency: 1, run });
  void batcher.add(1);
  t.mock.timers.tick(4);
  void batcher.add(2);
  assert.deepEqual(batches, []);
  t.mock.timers.tick(1);
  assert.deepEqual(batches, [[1, 2]]);
});

test("works on no more batches at once than allowed, and on what came meanwhile right after", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { run, batches, answer } = work();
  const batcher = createBatcher({ itemsMax: 2, delayMs: 5, concurrency: 2, run });
  for (let item = 1; item <= 7; item += 1) void batcher.add(item);
  t.mock.timers.tick(1_000);
  assert.deepEqual(batches, [
    [1, 2],
    [3, 4],
  ]);
  await answer();
  assert.deepEqual(batches.slice(2), [[5, 6]]);
  await answer();
  // Not full, and long overdue.
  assert.deepEqual(batches.slice(3), [[7]]);
});

test("a failed batch fails each of its items and no other", async () => {
  const batcher = createBatcher({
    itemsMax: 2,
    delayMs: 1,
    concurrency: 1,
    run: async (items: readonly number[]) => {
      if (items.includes(1)) throw new Error("rolled back");
      return items;
    },
  });
  const results = await Promise.allSettled([1, 2, 3, 4].map((item) => batcher.add(item)));
  assert.deepEqual(
    results.map(({ status }) => status),
    ["rejected", "rejected", "fulfilled", "fulfilled"],
  );
});

test("a batch that returns too few results fails the items left without one", async () => {
  const batcher = createBatcher({
    itemsMax: 2,
    delayMs: 1,
    concurrency: 1,
    run: async (items: readonly number[]) => items.slice(1),
  });
  const [, second] = await Promise.allSettled([batcher.add(1), batcher.add(2)]);
  assert.equal(second?.status, "rejected");
});

test("a run that throws before it returns a promise fails its batch and frees its place", async () => {
  let calls = 0;
  const run = (items: readonly number[]): Promise<readonly number[]> => {
    calls += 1;
    if (calls === 1) throw new Error("at once");
    return Promise.resolve(items);
  };
  const batcher = createBatcher({ itemsMax: 1, delayMs: 1, concurrency: 1, run });
  await assert.rejects(batcher.add(1), /at once/);
  assert.equal(await batcher.add(2), 2);
});
