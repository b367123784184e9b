import assert from "node:assert/strict";
import { test } from "node:test";

import { type EndpointHealth, healthAfter, type HealthSignal, HEALTHY } from "./endpoint-health.ts";

const START_MS = Date.parse("2026-11-22T10:00:00Z");
const SECOND_MS = 1_000;
const DAY_MS = 86_400_000;

function signal(kind: HealthSignal["kind"], afterMs = 0, more: Partial<HealthSignal> = {}) {
  const at = new Date(START_MS + afterMs);
  return { kind, at, isProbe: false, pauseMs: 0, disable: null, ...more };
}

const after = (signals: readonly HealthSignal[], from: EndpointHealth = HEALTHY) =>
  signals.reduce(healthAfter, from);

const failures = (count: number, fromMs = 0) =>
  Array.from({ length: count }, (_, index) => signal("failure", fromMs + index));

/** Successes first, so that the failures are never ten in a row. */
const mixed = (bad: number, good: number) => [
  ...Array.from({ length: good }, () => signal("success")),
  ...failures(bad),
];

/** Milliseconds from the start to the next probe. */
const probeInMs = ({ probeAt }: EndpointHealth) => (probeAt?.getTime() ?? 0) - START_MS;

test("failures in a row lead from healthy over degraded to open", () => {
  assert.equal(after(failures(2)).state, "healthy");
  assert.equal(after(failures(3)).state, "degraded");
  assert.equal(after(failures(9)).state, "degraded");
  const open = after(failures(10));
  assert.equal(open.state, "open");
  assert.equal(probeInMs(open), 9 + 30 * SECOND_MS);
});

test("seven failures in ten open it, six do not, and neither do seven in nine", () => {
  assert.equal(after(mixed(7, 3)).state, "open");
  assert.equal(after(mixed(6, 4)).state, "degraded");
  assert.equal(after(mixed(7, 2)).state, "degraded");
});

test("failures of more than five minutes ago do not count towards the share", () => {
  const old = [...failures(6), signal("success", 1)];
  const later = 5 * 60 * SECOND_MS + 60 * SECOND_MS;
  const fresh = [signal("failure", later), signal("success", later), signal("failure", later)];
  assert.equal(after([...old, ...fresh]).state, "healthy");
});

test("one success resets everything, from degraded and from open", () => {
  for (const count of [9, 10, 40]) {
    const { state, consecutiveFailures, failingSince, probeAt } = after([
      ...failures(count),
      signal("success", 100, { isProbe: count >= 10 }),
    ]);
    assert.equal(consecutiveFailures, 0);
    assert.equal(failingSince, null);
    assert.equal(probeAt, null);
    // Out of the open it also forgets the share of failures; before, that share is still true.
    assert.equal(state, count >= 10 ? "healthy" : "degraded", `after ${count}`);
  }
});

test("a probe that fails doubles the wait, up to a quarter of an hour", () => {
  let health = after(failures(10));
  const delaysSeconds = [];
  for (let probe = 0; probe < 7; probe += 1) {
    const at = probeInMs(health);
    health = healthAfter(health, signal("failure", at, { isProbe: true }));
    delaysSeconds.push((probeInMs(health) - at) / SECOND_MS);
  }
  assert.deepEqual(delaysSeconds, [60, 120, 240, 480, 900, 900, 900]);
});

test("what was under way when it opened moves no probe", () => {
  const open = after(failures(10));
  assert.equal(probeInMs(healthAfter(open, signal("failure", 500))), probeInMs(open));
});

test("five days without a success disable it; a success in between begins anew", () => {
  const open = after(failures(10));
  const almost = healthAfter(open, signal("failure", 5 * DAY_MS - 1, { isProbe: true }));
  assert.equal(almost.state, "open");
  const disabled = healthAfter(almost, signal("failure", 5 * DAY_MS, { isProbe: true }));
  assert.equal(disabled.state, "disabled");
  assert.equal(disabled.disabledReason, "failing");
  assert.deepEqual(disabled.disabledAt, new Date(START_MS + 5 * DAY_MS));
  const healed = after(
    [signal("success", DAY_MS, { isProbe: true }), ...failures(10, DAY_MS)],
    open,
  );
  assert.equal(healthAfter(healed, signal("failure", 5 * DAY_MS)).state, "open");
});

test("a failure a week after another is no five days of failing", () => {
  const health = after([signal("failure"), signal("failure", 7 * DAY_MS)]);
  assert.equal(health.state, "healthy");
});

test("410 and the receiver's word disable at once, whatever the answer was", () => {
  const gone = healthAfter(HEALTHY, signal("failure", 0, { disable: "gone" }));
  assert.equal(gone.state, "disabled");
  assert.equal(gone.disabledReason, "gone");
  const told = healthAfter(HEALTHY, signal("success", 0, { disable: "requested" }));
  assert.equal(told.disabledReason, "requested");
  // The first reason stays, and so does its instant.
  assert.deepEqual(healthAfter(gone, signal("success", 9, { disable: "requested" })), gone);
});

test("a throttle pauses without counting as a failure; the longest pause counts", () => {
  const throttled = after([
    signal("throttled", 0, { pauseMs: 7_000 }),
    signal("throttled", 10, { pauseMs: 1_000 }),
  ]);
  assert.equal(throttled.state, "healthy");
  assert.equal(throttled.consecutiveFailures, 0);
  assert.deepEqual(throttled.pausedUntil, new Date(START_MS + 7_000));
  assert.deepEqual(throttled.throttledSince, new Date(START_MS));
  // What comes back during the pause was sent before it.
  for (const kind of ["success", "failure"] as const) {
    const during = healthAfter(throttled, signal(kind, 20));
    assert.deepEqual(during.pausedUntil, new Date(START_MS + 7_000));
  }
  assert.equal(healthAfter(throttled, signal("success", 8_000)).pausedUntil, null);
});

test("a throttled probe is repeated when the pause is over", () => {
  const open = after(failures(10));
  const paused = healthAfter(open, signal("throttled", 40_000, { isProbe: true, pauseMs: 60_000 }));
  assert.equal(paused.state, "open");
  assert.equal(probeInMs(paused), 100_000);
});
