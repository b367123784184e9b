import assert from "node:assert/strict";
import { test } from "node:test";

import { createHealth } from "./health.ts";

const works = async () => {};
const fails = () => Promise.reject(new Error("connection refused"));

test("is healthy while every dependency works, and names those that do not", async () => {
  assert.deepEqual(await createHealth({ database: works, nats: works }).report(), {
    healthy: true,
    failing: [],
  });
  assert.deepEqual(await createHealth({ database: fails, nats: works, s3: fails }).report(), {
    healthy: false,
    failing: ["database", "s3"],
  });
});

test("a check that throws at once fails like one that rejects", async () => {
  const health = createHealth({
    nats: () => {
      throw new Error("the connection is closed");
    },
  });
  assert.deepEqual(await health.report(), { healthy: false, failing: ["nats"] });
});

test("asks the dependencies at most once a second, however many ask", async () => {
  let nowMs = 10_000;
  let asked = 0;
  const check = async () => void (asked += 1);
  const health = createHealth({ database: check }, () => nowMs);
  await Promise.all([health.report(), health.report(), health.report()]);
  nowMs += 1_000;
  await health.report();
  assert.equal(asked, 1);
  nowMs += 1;
  await health.report();
  assert.equal(asked, 2);
});

test("sees within the next second that a dependency is back", async () => {
  let nowMs = 0;
  let away = true;
  const check = () => (away ? fails() : works());
  const health = createHealth({ database: check }, () => nowMs);
  assert.equal((await health.report()).healthy, false);
  away = false;
  nowMs += 1_001;
  assert.equal((await health.report()).healthy, true);
});

test("a dependency that does not answer counts as failing after two seconds", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const health = createHealth({ database: () => new Promise(() => {}), nats: works });
  const report = health.report();
  // Lets the check that works come through first.
  await new Promise(setImmediate);
  t.mock.timers.tick(2_000);
  assert.deepEqual(await report, { healthy: false, failing: ["database"] });
});

test("once draining it is not ready, whatever the dependencies say", async () => {
  const health = createHealth({ database: works });
  assert.equal((await health.report()).healthy, true);
  health.drain();
  assert.deepEqual(await health.report(), { healthy: false, failing: ["draining"] });
});
