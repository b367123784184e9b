import assert from "node:assert/strict";
import { test } from "node:test";

import { type AttemptFacts, decideAfterAttempt } from "./decide-after-attempt.ts";

const endedAt = new Date("2026-11-22T10:00:00Z");
const HOUR_MS = 3_600_000;
const inMs = (ms: number) => new Date(endedAt.getTime() + ms);

function decide(facts: Partial<AttemptFacts>, delaysMs: readonly number[] = [1_000]) {
  const failed = {
    outcome: "http_5xx",
    statusCode: 500,
    retryAfterMs: null,
    command: null,
  } as const;
  const rest = { endedAt, attempt: 1, nextProbeAt: null, throttledSince: null };
  return decideAfterAttempt({ ...failed, ...rest, ...facts }, delaysMs, 0.5);
}

test("a success ends it, a failure with a retry left waits, the last failure exhausts it", () => {
  const delivered = decide({ outcome: "delivered", statusCode: 200, attempt: 2 });
  assert.equal(delivered.state, "delivered");
  const { state, nextAttemptAt, waitReason, isSpent } = decide({});
  assert.deepEqual([state, waitReason, isSpent], ["waiting", "retry", true]);
  assert.deepEqual(nextAttemptAt, inMs(1_000));
  assert.equal(decide({ attempt: 2 }).state, "exhausted");
});

test("ten retries are eleven attempts", () => {
  const delaysMs = Array.from({ length: 10 }, () => 1_000);
  assert.equal(decide({ attempt: 10 }, delaysMs).state, "waiting");
  assert.equal(decide({ attempt: 11 }, delaysMs).state, "exhausted");
});

test("Retry-After is a lower bound and never brings a retry forward", () => {
  assert.deepEqual(decide({ retryAfterMs: 9_000 }).nextAttemptAt, inMs(9_000));
  assert.deepEqual(decide({ retryAfterMs: 10 }).nextAttemptAt, inMs(1_000));
  assert.deepEqual(decide({ statusCode: 302, retryAfterMs: 9_000 }).nextAttemptAt, inMs(9_000));
});

test("429, and 503 with Retry-After, cost no attempt and pause as long as asked", () => {
  for (const statusCode of [429, 503]) {
    const throttled = decide({ statusCode, retryAfterMs: 7_000, attempt: 9 });
    assert.deepEqual(throttled, {
      state: "waiting",
      nextAttemptAt: inMs(7_000),
      waitReason: "throttled",
      isSpent: false,
      pauseMs: 7_000,
    });
  }
  assert.equal(decide({ statusCode: 503 }).isSpent, true);
});

test("a 429 without a time pauses a minute, one of now a second, one of a year six hours", () => {
  assert.equal(decide({ statusCode: 429 }).pauseMs, 60_000);
  assert.equal(decide({ statusCode: 429, retryAfterMs: 0 }).pauseMs, 1_000);
  assert.equal(decide({ statusCode: 429, retryAfterMs: 24 * HOUR_MS }).pauseMs, 6 * HOUR_MS);
});

test("after six hours of nothing but 429, a 429 is a failure that waits as it was told", () => {
  const facts = { statusCode: 429, retryAfterMs: 24 * HOUR_MS };
  const patient = decide({ ...facts, throttledSince: inMs(1 - 6 * HOUR_MS) });
  assert.equal(patient.isSpent, false);
  const spent = decide({ ...facts, throttledSince: inMs(-6 * HOUR_MS) });
  assert.deepEqual([spent.isSpent, spent.waitReason], [true, "retry"]);
  assert.deepEqual(spent.nextAttemptAt, inMs(24 * HOUR_MS));
});

test("410 and the word disable hold the delivery, abort-message ends it", () => {
  for (const facts of [{ statusCode: 410 }, { command: "disable" } as const]) {
    const { state, waitReason, nextAttemptAt } = decide(facts);
    assert.deepEqual([state, waitReason, nextAttemptAt], ["held", "disabled", null]);
  }
  assert.equal(decide({ command: "abort-message" }).state, "exhausted");
  const delivered = decide({ outcome: "delivered", statusCode: 200, command: "disable" });
  assert.equal(delivered.state, "delivered");
});

test("a probe that fails costs its delivery nothing and waits for the next probe", () => {
  const nextProbeAt = inMs(60_000);
  const { state, waitReason, isSpent, ...rest } = decide({ nextProbeAt, attempt: 4 });
  assert.deepEqual([state, waitReason, isSpent], ["held", "open", false]);
  assert.deepEqual(rest.nextAttemptAt, nextProbeAt);
});
