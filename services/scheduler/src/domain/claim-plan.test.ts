import assert from "node:assert/strict";
import { test } from "node:test";

import type { ClaimOutcome } from "./claim-outcome.ts";
import { type ClaimPlan, type ClaimPlanner, createClaimPlanner } from "./claim-plan.ts";

const T = Date.parse("2026-11-25T12:00:00Z");
const HERD = "5f0c6a52-6a7e-4a51-9a3e-0d7a1b2c3d4e";

const plannerFrom = (lowMs: number) => createClaimPlanner(lowMs, () => 0.5);

const short = (plan: ClaimPlan, nowMs: number): ClaimOutcome => ({
  tenantIds: [],
  isFull: false,
  isAtLimit: false,
  coveredMs: nowMs + plan.lookAheadMs,
  fullToMs: Infinity,
  fullSpanMs: Infinity,
});
const full = (coveredMs: number | undefined, fullToMs = coveredMs ?? T): ClaimOutcome => ({
  tenantIds: Array.from({ length: 512 }, () => HERD),
  isFull: true,
  isAtLimit: true,
  coveredMs,
  fullToMs,
  fullSpanMs: 1_000,
});

/** Plans so many claims 5 ms apart; those at the head bring rows of a herd that was due at T. */
function runBehind(planner: ClaimPlanner, fromMs: number, count: number) {
  return Array.from({ length: count }, (_, index) => {
    const nowMs = fromMs + index * 5;
    const plan = planner.next(nowMs, false);
    const isAtHead = plan.aim === "head" || plan.aim === "ahead";
    planner.note(plan, isAtHead ? full(T) : short(plan, nowMs), nowMs, 2);
    return plan;
  });
}

const isOthers = ({ aim }: ClaimPlan) => aim === "others";
const indexOfFresh = (plans: readonly ClaimPlan[]) => plans.findIndex(({ aim }) => aim === "fresh");

function claimShort(planner: ClaimPlanner, nowMs: number): ClaimPlan {
  const plan = planner.next(nowMs, false);
  planner.note(plan, short(plan, nowMs), nowMs, 2);
  return plan;
}

test("idle, it looks once a second, further ahead than a second", () => {
  const planner = plannerFrom(T);
  const plan = claimShort(planner, T);
  assert.equal(plan.lookAheadMs, 1_500);
  assert.equal(planner.pauseMs(T, false), 1_000);
  assert.equal(planner.pauseMs(T + 1_000, false), 0);
});

test("the lower bound follows what is taken, and stays where nobody knows", () => {
  const planner = plannerFrom(T - 3_600_000);
  const plan = planner.next(T, false);
  planner.note(plan, full(undefined), T, 2);
  assert.equal(planner.lowMs(), T - 3_600_000);
  const second = planner.next(T + 5, false);
  planner.note(second, full(T - 3_000_000, Infinity), T + 5, 2);
  assert.equal(planner.lowMs(), T - 3_005_000);
  claimShort(planner, T + 2_000);
  assert.equal(planner.lowMs(), T + 2_000 - 5_000);
});

test("between two looks from the lower bound a claim begins where the last one ended", () => {
  const planner = plannerFrom(T - 5_000);
  const first = planner.next(T, false);
  planner.note(first, full(T + 300), T, 2);
  assert.equal(first.aim, "head");
  const second = planner.next(T + 5, false);
  assert.deepEqual([second.aim, second.fromMs], ["ahead", T + 300]);
  planner.note(second, full(T + 600), T + 5, 2);
  assert.equal(planner.next(T + 1_000, false).aim, "head");
});

test("a row stored or given back, even during the claim, is looked for in time", () => {
  const planner = plannerFrom(T);
  claimShort(planner, T);
  planner.lower(T + 400);
  assert.equal(planner.pauseMs(T, false), 350);
  const plan = planner.next(T + 350, false);
  planner.lower(T - 60_000);
  planner.note(plan, short(plan, T + 350), T + 350, 2);
  assert.equal(planner.lowMs(), T - 60_000);
  assert.equal(planner.pauseMs(T + 350, false), 0);
  // What is due tomorrow changes nothing.
  claimShort(planner, T + 1_000);
  planner.lower(T + 86_400_000);
  assert.equal(planner.pauseMs(T + 1_000, false), 1_000);
});

test("with one place left only what is about to be due is claimed, when it is about to be", () => {
  const planner = plannerFrom(T);
  const plan = planner.next(T, false);
  planner.note(plan, full(T + 700), T, 2);
  assert.equal(planner.pauseMs(T, false), 0);
  assert.equal(planner.pauseMs(T, true), 650);
  assert.equal(planner.next(T + 650, true).lookAheadMs, 100);
});

test("a lane's share widens while claims stay small, and narrows when they reach their limit", () => {
  const planner = plannerFrom(T);
  const shares = [false, false, false, true, true, true].map((isAtLimit) => {
    const plan = planner.next(T, false);
    planner.note(plan, { ...full(T), isAtLimit }, T, 2);
    return plan.limitPerLane;
  });
  assert.deepEqual(shares, [32, 64, 128, 128, 64, 32]);
});

test("every five seconds one claim looks a minute back, and goes on there if it came back full", () => {
  const planner = plannerFrom(T - 1_000);
  const sweeps = Array.from({ length: 100 }, (_, index) => claimShort(planner, T + index * 100))
    .map(({ sweepFromMs }) => sweepFromMs)
    .filter((from) => from !== undefined);
  assert.deepEqual(sweeps, [T - 60_000, T + 5_000 - 60_000]);
  const plan = planner.next(T + 20_000, false);
  planner.note(plan, full(undefined), T + 20_000, 2);
  assert.equal(planner.lowMs(), T + 20_000 - 60_000);
});

test("behind a herd, some claims are for what is due now, and some for other tenants", () => {
  const planner = plannerFrom(T - 5_000);
  const plans = runBehind(planner, T + 150, 400);
  const aims = plans.map(({ aim }) => aim);
  assert.deepEqual(aims.slice(0, 4), ["head", "others", "fresh", "ahead"]);
  // Two seconds: one every 50 ms.
  assert.equal(aims.filter((aim) => aim === "fresh").length, 40);
  const others = plans.filter(({ aim }) => aim === "others");
  assert.ok(others.every(({ withoutTenants }) => withoutTenants[0] === HERD));
  // Two seconds: once at the start, then once a second.
  assert.equal(others.length, 2);
  const fresh = plans.find(({ aim }) => aim === "fresh");
  // All of the herd is due at T.
  assert.equal(fresh?.fromMs, T + 1);
  assert.equal(planner.pauseMs(T + 2_200, true), 0);
});

test("what became due while no claim could be made is fresh as well", () => {
  const planner = plannerFrom(T - 5_000);
  const plans = runBehind(planner, T + 700, 3);
  assert.equal(plans[indexOfFresh(plans)]?.fromMs, T + 1);
  const lastMs = T + 700 + indexOfFresh(plans) * 5;
  const later = runBehind(planner, lastMs + 900, 3);
  assert.equal(later[indexOfFresh(later)]?.fromMs, lastMs);
  const muchLater = runBehind(planner, T + 60_000, 3);
  assert.equal(
    muchLater[indexOfFresh(muchLater)]?.fromMs,
    T + 57_000 + indexOfFresh(muchLater) * 5,
  );
});

test("a herd due at one instant is passed over before its time, for those due with it", () => {
  const planner = plannerFrom(T - 5_000);
  const first = planner.next(T - 1_400, false);
  planner.note(first, { ...full(T), fullSpanMs: 0 }, T - 1_400, 2);
  assert.equal(planner.next(T - 1_395, true).aim, "ahead", "not into the last place");
  const plan = planner.next(T - 1_395, false);
  assert.deepEqual([plan.aim, plan.withoutTenants], ["others", [HERD]]);
  assert.equal(plan.lookAheadMs, 1_396, "and no further");
  assert.equal(plan.limitPerLane, 512, "lanes have no share of it");
  planner.note(plan, short(plan, T - 1_395), T - 1_395, 2);
  assert.equal(planner.next(T - 1_390, false).aim, "ahead");
});

test("a claim past the herd that takes long comes a tenth of the time", () => {
  const planner = plannerFrom(T - 5_000);
  runBehind(planner, T + 150, 1);
  const plan = planner.next(T + 160, false);
  assert.equal(plan.aim, "others");
  planner.note(plan, short(plan, T + 160), T + 160, 500);
  assert.equal(runBehind(planner, T + 700, 880).filter(isOthers).length, 0);
  assert.equal(runBehind(planner, T + 5_165, 2).some(isOthers), true);
});

test("once all is out, claims are plain again", () => {
  const planner = plannerFrom(T - 5_000);
  runBehind(planner, T + 150, 10);
  const aims = Array.from({ length: 5 }, (_, i) => claimShort(planner, T + 5_000 + i * 10).aim);
  assert.ok(aims.slice(2).every((aim) => aim === "head" || aim === "ahead"));
});
