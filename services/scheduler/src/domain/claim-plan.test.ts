import assert from "node:assert/strict";
import { test } from "node:test";

import { type ClaimOutcome, type ClaimPlanner, createClaimPlanner } from "./claim-plan.ts";

const T = Date.parse("2026-11-25T12:00:00Z");
const HERD = "5f0c6a52-6a7e-4a51-9a3e-0d7a1b2c3d4e";

const short: ClaimOutcome = { tenantIds: [], isFull: false, lastDueMs: 0, tookMs: 2 };
const herd: ClaimOutcome = {
  tenantIds: Array.from({ length: 512 }, () => HERD),
  isFull: true,
  lastDueMs: T,
  tookMs: 5,
};

/** Plans and notes so many claims, 5 ms apart, each with the same outcome; returns the plans. */
function run(planner: ClaimPlanner, fromMs: number, count: number, outcome: ClaimOutcome) {
  return Array.from({ length: count }, (_, index) => {
    const nowMs = fromMs + index * 5;
    const plan = planner.next(nowMs, false);
    planner.note(plan, plan.aim === "head" ? outcome : short, nowMs);
    return plan;
  });
}

test("the lower bound follows the clock after a short claim, and only then", () => {
  const planner = createClaimPlanner(T - 3_600_000);
  const [first] = run(planner, T, 1, herd);
  assert.equal(first?.fromMs, T - 3_600_000);
  assert.equal(planner.lowMs(), T - 3_600_000);
  run(planner, T + 10, 1, short);
  assert.equal(planner.lowMs(), T + 10 - 5_000);
});

test("rows that come back, even during the claim, keep the bound below them", () => {
  const planner = createClaimPlanner(T - 5_000);
  const plan = planner.next(T, false);
  planner.lower(T - 60_000);
  planner.note(plan, short, T);
  assert.equal(planner.lowMs(), T - 60_000);
});

test("with one place left only what is about to be due is claimed", () => {
  const planner = createClaimPlanner(T);
  assert.equal(planner.next(T, false).lookAheadMs, 1_500);
  assert.equal(planner.next(T, true).lookAheadMs, 100);
});

test("every five seconds one claim looks a minute back, and goes on there if it came back full", () => {
  const planner = createClaimPlanner(T - 1_000);
  const sweeps = Array.from({ length: 100 }, (_, index) => {
    const plan = planner.next(T + index * 100, false);
    planner.note(plan, short, T + index * 100);
    return plan.sweepFromMs;
  });
  assert.deepEqual(
    sweeps.filter((from) => from !== undefined),
    [T - 60_000, T + 5_000 - 60_000],
  );
  const plan = planner.next(T + 20_000, false);
  planner.note(plan, { ...herd, lastDueMs: T + 20_000 }, T + 20_000);
  assert.equal(planner.lowMs(), T + 20_000 - 60_000);
});

test("behind a herd, claims take turns with what is due now and with other tenants", () => {
  const planner = createClaimPlanner(T - 5_000);
  const plans = run(planner, T + 150, 400, herd);
  const aims = plans.map(({ aim }) => aim);
  assert.deepEqual(aims.slice(0, 6), ["head", "others", "head", "fresh", "head", "fresh"]);
  const others = plans.filter(({ aim }) => aim === "others");
  assert.ok(others.every(({ withoutTenants }) => withoutTenants[0] === HERD));
  // Two seconds: once at the start, then once a second.
  assert.equal(others.length, 2);
  const fresh = plans.find(({ aim }) => aim === "fresh");
  assert.equal(fresh?.fromMs, T + 150 + 3 * 5 - 400);
});

test("a claim past the herd that takes long comes a tenth of the time", () => {
  const planner = createClaimPlanner(T - 5_000);
  run(planner, T + 150, 1, herd);
  const plan = planner.next(T + 160, false);
  assert.equal(plan.aim, "others");
  planner.note(plan, { ...short, tookMs: 500 }, T + 160);
  const aims = run(planner, T + 700, 880, herd).map(({ aim }) => aim);
  assert.equal(aims.filter((aim) => aim === "others").length, 0);
  assert.equal(
    run(planner, T + 5_165, 2, herd).some(({ aim }) => aim === "others"),
    true,
  );
});

test("once all is out, claims are plain again", () => {
  const planner = createClaimPlanner(T - 5_000);
  run(planner, T + 150, 10, herd);
  run(planner, T + 300, 2, short);
  const aims = run(planner, T + 400, 5, short).map(({ aim }) => aim);
  assert.deepEqual(new Set(aims), new Set(["head"]));
});
