import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";

import { createWake } from "./wake.ts";

function start(t: TestContext) {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const wakes = createWake();
  const ended: string[] = [];
  return {
    wakes,
    tick: (ms: number) => t.mock.timers.tick(ms),
    arm: (name: string, ms: number) => {
      void wakes.arm(ms).then(() => ended.push(name));
    },
    ended: async () => {
      await new Promise(setImmediate);
      return ended;
    },
  };
}

test("a pause ends after its time", async (t) => {
  const { arm, tick, ended } = start(t);
  arm("first", 500);
  tick(499);
  assert.deepEqual(await ended(), []);
  tick(1);
  assert.deepEqual(await ended(), ["first"]);
});

test("a wake ends the pause at once", async (t) => {
  const { arm, wakes, ended } = start(t);
  arm("first", 500);
  wakes.wake();
  assert.deepEqual(await ended(), ["first"]);
});

test("a wake with no pause armed does nothing, before and after", async (t) => {
  const { arm, wakes, tick, ended } = start(t);
  wakes.wake();
  arm("first", 500);
  assert.deepEqual(await ended(), []);
  tick(500);
  wakes.wake();
  arm("second", 500);
  assert.deepEqual(await ended(), ["first"]);
});

test("arming again ends the pause before, and only the new one's time counts", async (t) => {
  const { arm, tick, ended } = start(t);
  arm("first", 500);
  tick(400);
  arm("second", 500);
  assert.deepEqual(await ended(), ["first"]);
  tick(499);
  assert.deepEqual(await ended(), ["first"]);
  tick(1);
  assert.deepEqual(await ended(), ["first", "second"]);
});
