import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";

import { createDeadlines } from "./deadlines.ts";

const TIMEOUT_MS = 1_000;

function setUp(context: TestContext) {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  let nowMs = 0;
  const ended: string[] = [];
  const deadlines = createDeadlines(TIMEOUT_MS, () => nowMs);
  context.after(() => deadlines[Symbol.dispose]());
  return {
    deadlines,
    ended,
    work: (name: string) => ({
      giveUp: (timeoutMs: number) => void ended.push(`${name} after ${timeoutMs}`),
    }),
    pass: (durationMs: number) => {
      nowMs += durationMs;
      context.mock.timers.tick(durationMs);
    },
  };
}

test("work is given up when its time is over, once, and no sooner", (context) => {
  const { deadlines, ended, work, pass } = setUp(context);
  deadlines.begin(work("first"));
  pass(500);
  deadlines.begin(work("second"));
  pass(499);
  assert.deepEqual(ended, []);
  pass(1);
  assert.deepEqual(ended, ["first after 1000"]);
  pass(499);
  assert.deepEqual(ended, ["first after 1000"]);
  pass(1);
  assert.deepEqual(ended, ["first after 1000", "second after 1000"]);
});

test("work that has ended is not given up, and does not hide what began after it", (context) => {
  const { deadlines, ended, work, pass } = setUp(context);
  const done = work("done");
  deadlines.begin(done);
  deadlines.begin(work("slow"));
  deadlines.end(done);
  pass(1_000);
  assert.deepEqual(ended, ["slow after 1000"]);
});

test("what begins after a pause is watched again", (context) => {
  const { deadlines, ended, work, pass } = setUp(context);
  const done = work("done");
  deadlines.begin(done);
  deadlines.end(done);
  pass(5_000);
  deadlines.begin(work("late"));
  pass(1_000);
  assert.deepEqual(ended, ["late after 1000"]);
});

test("after its disposal nothing is watched", (context) => {
  const { deadlines, ended, work, pass } = setUp(context);
  deadlines.begin(work("left"));
  deadlines[Symbol.dispose]();
  pass(5_000);
  assert.deepEqual(ended, []);
});
