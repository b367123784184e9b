import { type ClaimPool, probeLeaf } from "./claim-queries.ts";
import type { ClaimTurns } from "./claim-turns.ts";
import { outcomeOf } from "./domain/claim-outcome.ts";
import { type ClaimPlan, type ClaimPlanner, ROWS_PER_CLAIM } from "./domain/claim-plan.ts";
import type { ClockReading, DatabaseClock } from "./domain/database-clock.ts";
import { LANE_COUNT } from "./domain/lane.ts";
import type { Leaf } from "./domain/leaf.ts";
import type { DueRow } from "./due-queries.ts";
import { beginTurn } from "./due-turn.ts";
import type { Leaves } from "./leaves.ts";
import type { LoopSignals } from "./loop-signals.ts";

export interface ClaimerDeps {
  readonly pool: ClaimPool;
  readonly leaves: Leaves;
  readonly signals: LoopSignals;
  readonly clock: DatabaseClock;
  readonly planner: ClaimPlanner;
  readonly turns: ClaimTurns;
}

/** Claims once, where the planner says, and hands what it got to the turns. */
export function createClaimer(deps: ClaimerDeps): () => Promise<void> {
  const { pool, leaves, signals, clock, planner, turns } = deps;
  let firstLane = 0;
  let wasFull = false;

  async function claim(): Promise<void> {
    const claimedAtMs = clock.nowUs(performance.now()) / 1_000;
    const plan = planner.next(claimedAtMs, turns.isBusy());
    const fromMs = Math.min(plan.fromMs, plan.sweepFromMs ?? Infinity);
    const toMs = claimedAtMs + plan.lookAheadMs;
    const limits = { limit: ROWS_PER_CLAIM, limitPerLane: plan.limitPerLane };
    const startedMs = performance.now();
    const taken: DueRow[] = [];
    let outcome = outcomeOf(taken, limits, toMs);
    for (const leaf of leaves.between(fromMs, toMs)) {
      const rows = await claimLeaf(leaf, plan);
      taken.push(...rows);
      outcome = { ...outcomeOf(rows, limits, toMs), tenantIds: taken.map((row) => row.tenantId) };
      // What is left of this leaf, and the leaves behind it, wait for the next claim.
      if (outcome.isFull) break;
    }
    if (plan.aim === "head" || plan.aim === "ahead") wasFull = outcome.isFull;
    planner.note(plan, outcome, claimedAtMs, performance.now() - startedMs);
    if (taken.length === 0) turns.noteSuccess();
  }

  async function claimLeaf(leaf: Leaf, plan: ClaimPlan) {
    const within = (ms: number) => new Date(Math.max(ms, leaf.from.getTime()));
    const from = within(plan.fromMs);
    const { lookAheadMs, limitPerLane, withoutTenants, sweepFromMs } = plan;
    const sweepFrom = sweepFromMs === undefined ? undefined : within(sweepFromMs);
    // After a full claim there is no need to ask; beside a backlog there mostly is nothing.
    if (!wasFull || sweepFrom !== undefined || plan.aim === "fresh") {
      const { found, reading } = await probeLeaf(pool, { leaf, from, lookAheadMs, sweepFrom });
      learn(reading);
      if (!found) return [];
    }
    firstLane = (firstLane + 1) % LANE_COUNT;
    const where = { leaf, from: sweepFrom ?? from, lookAheadMs, withoutTenants };
    const turn = await beginTurn(pool, {
      ...where,
      limit: ROWS_PER_CLAIM,
      limitPerLane,
      firstLane,
    });
    if (turn.reading !== undefined) learn(turn.reading);
    if (turn.rows.length > 0) turns.add(turn);
    return turn.rows;
  }

  function learn(reading: ClockReading): void {
    clock.learn(reading);
    signals.observeClock(reading.databaseUs / 1e6 - Date.now() / 1e3, clock.errorUs() / 1e6);
  }

  return async () => {
    try {
      await claim();
    } catch (error) {
      wasFull = false;
      throw error;
    }
  };
}
