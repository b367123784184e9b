import { type ClaimPool, probeLeaf } from "./claim-queries.ts";
import type { ClaimTurns } from "./claim-turns.ts";
import type { ClaimPlan, ClaimPlanner } from "./domain/claim-plan.ts";
import type { ClockReading, DatabaseClock } from "./domain/database-clock.ts";
import { LANE_COUNT } from "./domain/lane.ts";
import type { Leaf } from "./domain/leaf.ts";
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

const ROWS_PER_TURN = 512;
/** A tenant owns four lanes, so one alone can still fill a turn. */
const ROWS_PER_LANE = 128;

/** Claims once, where the planner says, and hands what it got to the turns. True: go on at once. */
export function createClaimer(deps: ClaimerDeps): () => Promise<boolean> {
  const { pool, leaves, signals, clock, planner, turns } = deps;
  let firstLane = 0;
  let wasFull = false;

  async function claim(): Promise<boolean> {
    const claimedAtMs = clock.nowUs(performance.now()) / 1_000;
    const plan = planner.next(claimedAtMs, turns.isBusy());
    const fromMs = Math.min(plan.fromMs, plan.sweepFromMs ?? Infinity);
    const startedMs = performance.now();
    const tenantIds: string[] = [];
    let lastDueMs = 0;
    let isFull = false;
    for (const leaf of leaves.between(fromMs, claimedAtMs + plan.lookAheadMs)) {
      const rows = await claimLeaf(leaf, plan);
      for (const row of rows) {
        tenantIds.push(row.tenantId);
        lastDueMs = Math.max(lastDueMs, row.dueUs / 1_000);
      }
      // What is left of this leaf, and the leaves behind it, wait for the next claim.
      isFull = rows.length >= ROWS_PER_LANE;
      if (isFull) break;
    }
    wasFull = isFull;
    const tookMs = performance.now() - startedMs;
    planner.note(plan, { tenantIds, isFull, lastDueMs, tookMs }, claimedAtMs);
    if (tenantIds.length === 0) turns.noteSuccess();
    return isFull || plan.aim !== "head";
  }

  async function claimLeaf(leaf: Leaf, plan: ClaimPlan) {
    const within = (ms: number) => new Date(Math.max(ms, leaf.from.getTime()));
    const from = within(plan.fromMs);
    const { lookAheadMs, withoutTenants, sweepFromMs } = plan;
    const sweepFrom = sweepFromMs === undefined ? undefined : within(sweepFromMs);
    // After a full claim there is no need to ask.
    if (!wasFull || sweepFrom !== undefined) {
      const { found, reading } = await probeLeaf(pool, { leaf, from, lookAheadMs, sweepFrom });
      learn(reading);
      if (!found) return [];
    }
    firstLane = (firstLane + 1) % LANE_COUNT;
    const limits = { limit: ROWS_PER_TURN, limitPerLane: ROWS_PER_LANE, firstLane };
    const claimFrom = sweepFrom ?? from;
    const where = { leaf, from: claimFrom, lookAheadMs, withoutTenants };
    const turn = await beginTurn(pool, { ...where, ...limits });
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
      return await claim();
    } catch (error) {
      wasFull = false;
      throw error;
    }
  };
}
