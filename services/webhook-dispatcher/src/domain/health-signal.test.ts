import assert from "node:assert/strict";
import { test } from "node:test";

import { type AttemptFacts, decideAfterAttempt } from "./decide-after-attempt.ts";
import { healthSignalOf } from "./health-signal.ts";

function signal(facts: Partial<AttemptFacts>, isProbe = false) {
  const failed = {
    outcome: "http_5xx",
    statusCode: 500,
    retryAfterMs: null,
    command: null,
  } as const;
  const rest = { endedAt: new Date(0), attempt: 1, nextProbeAt: null, throttledSince: null };
  const all: AttemptFacts = { ...failed, ...rest, ...facts };
  return healthSignalOf(all, decideAfterAttempt(all, [1_000], 0.5), isProbe);
}

test("a success, a failure and a throttle are told apart", () => {
  assert.equal(signal({ outcome: "delivered", statusCode: 200 })?.kind, "success");
  assert.equal(signal({})?.kind, "failure");
  const throttled = signal({ statusCode: 429, retryAfterMs: 7_000 }, true);
  assert.deepEqual(
    [throttled?.kind, throttled?.pauseMs, throttled?.isProbe],
    ["throttled", 7_000, true],
  );
});

test("410 and the word disable close the endpoint, whatever else the answer says", () => {
  assert.equal(signal({ statusCode: 410 })?.disable, "gone");
  assert.equal(signal({ command: "disable" })?.disable, "requested");
  const delivered = signal({ outcome: "delivered", statusCode: 200, command: "disable" });
  assert.deepEqual([delivered?.kind, delivered?.disable], ["success", "requested"]);
});

test("a message that is refused for its own sake says nothing about its endpoint", () => {
  assert.equal(signal({ command: "abort-message" }), null);
});
