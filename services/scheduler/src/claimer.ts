import type { Logger } from "@valify/runtime";

import type { BrokerGuard } from "./broker-guard.ts";
import { type ClaimPool, probeLeaf } from "./claim-queries.ts";
import { type ClaimPlan, createClaimPlanner } from "./domain/claim-plan.ts";
import type { DatabaseClock } from "./domain/database-clock.ts";
import { LANE_COUNT } from "./domain/lane.ts";
import type { Leaf } from "./domain/leaf.ts";
import { LATE_INSERT_SECONDS } from "./due-queries.ts";
import { beginTurn, type Turn } from "./due-turn.ts";
import type { Emission, Emitter } from "./emitter.ts";
import type { Leaves } from "./leaves.ts";
import type { LoopSignals } from "./loop-signals.ts";

export interface ClaimerDeps {
  readonly pool: ClaimPool;
  readonly leaves: Leaves;
  readonly guard: BrokerGuard;
  readonly signals: LoopSignals;
  readonly log: Logger;
  readonly clock: DatabaseClock;
  readonly emitter: Emitter;
  /** A claim under way has ended: there is room for another. */
  readonly onRoom: () => void;
  readonly signal: AbortSignal;
}

/** Claims under way at once: while one waits for its instants, the next is claimed. */
export const TURNS_MAX = 4;
const ROWS_PER_TURN = 512;
/** A tenant owns four lanes, so one alone can still fill a turn. */
const ROWS_PER_LANE = 128;
const POLL_MS = 1_000;
const POLL_BUSY_MS = 50;
/** What a claim may take until its rows can go out; a row due later than this can wait for the poll. */
const CLAIM_MS = 200;
const SWEEP_EVERY_MS = 5_000;
/** The sweep finds what a killed replica gave back, and late rows that another replica stored. */
const SWEEP_BACK_MS = 2 * LATE_INSERT_SECONDS * 1_000;
const FAILURE_PAUSE_FIRST_MS = 100;
const FAILURE_PAUSE_MAX_MS = 2_000;
/** Longer than any pause above and than the longest claim: beyond it the loop is stuck. */
const STUCK_MS = 10_000;

export type Claimer = ReturnType<typeof createClaimer>;

/** Steps 2 to 5 of the loop that due-loop.ts tells about. */
export function createClaimer(deps: ClaimerDeps) {
  const { pool, leaves, guard, signals, log, clock } = deps;
  const turns = new Set<Promise<void>>();
  const planner = createClaimPlanner(leaves.oldest()?.from.getTime() ?? 0);
  let sweepAtMs = 0;
  let pollAtMs = 0;
  let firstLane = 0;
  let wasFull = false;
  let failures = 0;
  let lookedAtMs = performance.now();
  const nowMs = () => clock.nowUs(performance.now()) / 1_000;

  /** The last place is kept for what is due right now: rows of the next second must not fill it. */
  const isBusy = () => turns.size >= TURNS_MAX - 1;

  /** Claims from the oldest leaf on. True: there may be more at once. */
  async function claim(): Promise<boolean> {
    while (turns.size >= TURNS_MAX) await Promise.race(turns);
    if (deps.signal.aborted) return false;
    await guard.settle();
    const claimedAtMs = nowMs();
    const plan = planner.next(claimedAtMs, isBusy());
    const sweepFromMs = takeSweep(plan, claimedAtMs);
    const startedMs = performance.now();
    const outcome = { tenantIds: [] as string[], isFull: false, lastDueMs: 0, tookMs: 0 };
    const fromMs = Math.min(plan.fromMs, sweepFromMs ?? Infinity);
    for (const leaf of leaves.between(fromMs, claimedAtMs + plan.lookAheadMs)) {
      const rows = await claimLeaf(leaf, plan, sweepFromMs);
      outcome.tenantIds.push(...rows.map(({ tenantId }) => tenantId));
      outcome.lastDueMs = rows.reduce((last, row) => Math.max(last, row.dueUs / 1_000), 0);
      // What is left of this leaf, and the leaves behind it, wait for the next claim.
      outcome.isFull = rows.length >= ROWS_PER_LANE;
      if (outcome.isFull) break;
    }
    outcome.tookMs = performance.now() - startedMs;
    if (outcome.tenantIds.length === 0) failures = 0;
    wasFull = outcome.isFull;
    if (outcome.isFull && sweepFromMs !== undefined) planner.lower(sweepFromMs);
    planner.note(plan, outcome, claimedAtMs);
    lookedAtMs = performance.now();
    return outcome.isFull || plan.aim !== "head";
  }

  /** Every few seconds a claim looks further back. */
  function takeSweep(plan: ClaimPlan, atMs: number): number | undefined {
    if (plan.aim !== "head" || atMs < sweepAtMs) return undefined;
    sweepAtMs = atMs + SWEEP_EVERY_MS;
    const sweepFromMs = atMs - SWEEP_BACK_MS;
    return sweepFromMs < plan.fromMs ? sweepFromMs : undefined;
  }

  async function claimLeaf(leaf: Leaf, plan: ClaimPlan, sweepFromMs: number | undefined) {
    const startMs = leaf.from.getTime();
    const from = new Date(Math.max(plan.fromMs, startMs));
    const sweepFrom =
      sweepFromMs === undefined ? undefined : new Date(Math.max(sweepFromMs, startMs));
    // After a full claim there is no need to ask.
    if (!wasFull || sweepFrom !== undefined) {
      const { lookAheadMs } = plan;
      const { found, reading } = await probeLeaf(pool, { leaf, from, lookAheadMs, sweepFrom });
      learn(reading);
      if (!found) return [];
    }
    firstLane = (firstLane + 1) % LANE_COUNT;
    const turn = await beginTurn(pool, {
      ...plan,
      leaf,
      from: sweepFrom ?? from,
      firstLane,
      limit: ROWS_PER_TURN,
      limitPerLane: ROWS_PER_LANE,
    });
    if (turn.reading !== undefined) learn(turn.reading);
    if (turn.rows.length > 0) track(turn);
    return turn.rows;
  }

  function learn(reading: Parameters<DatabaseClock["learn"]>[0]): void {
    clock.learn(reading);
    signals.observeClock(reading.databaseUs / 1e6 - Date.now() / 1e3, clock.errorUs() / 1e6);
  }

  function track(turn: Turn): void {
    const count = turn.rows.length;
    signals.addInFlight(count);
    const brokerId = guard.brokerId();
    const work = turn
      .finish(async (rows) => {
        const emission = await deps.emitter.emit(rows);
        // Acknowledged by a broker that is gone, or by one that may have lost the others.
        if (guard.brokerId() !== brokerId) throw new Error("the broker restarted meanwhile");
        return emission;
      })
      .then(noteEmission)
      .catch((error: unknown) => {
        lowerTo(turn.rows);
        noteFailure();
        log.warn({ rows: count, err: error }, "due.turn_rolled_back");
      })
      .finally(() => {
        const hadNoRoom = isBusy();
        turns.delete(work);
        signals.addInFlight(-count);
        if (hadNoRoom) deps.onRoom();
      });
    turns.add(work);
  }

  function noteEmission({ unsent, error }: Emission): void {
    if (unsent.length === 0) {
      failures = 0;
      return;
    }
    lowerTo(unsent);
    if (deps.signal.aborted) {
      log.info({ rows: unsent.length }, "due.rows_given_back");
      return;
    }
    noteFailure();
    log.warn({ rows: unsent.length, err: error }, "due.rows_put_back");
  }

  /** These rows are back in the table: look from the oldest of them on. */
  function lowerTo(rows: Turn["rows"]): void {
    planner.lower(rows.reduce((low, row) => Math.min(low, row.dueUs / 1_000 - 1), Infinity));
  }

  function noteFailure(): void {
    failures += 1;
    wasFull = false;
  }

  return {
    claim,
    noteFailure,
    lowMs: () => planner.lowMs(),
    /** Always less than what the claim before it looked ahead. */
    pauseMs(): number {
      const pollMs = (isBusy() ? POLL_BUSY_MS : POLL_MS) * (0.8 + 0.4 * Math.random());
      pollAtMs = nowMs() + pollMs;
      return pollMs;
    },
    /** How long to leave a broken broker or database alone. */
    failurePauseMs: () =>
      failures === 0
        ? 0
        : Math.min(FAILURE_PAUSE_MAX_MS, FAILURE_PAUSE_FIRST_MS * 2 ** (failures - 1)),
    isSoon(earliestDueMs: number): boolean {
      planner.lower(earliestDueMs - 1);
      return earliestDueMs <= pollAtMs + CLAIM_MS;
    },
    async check(): Promise<void> {
      const forMs = performance.now() - lookedAtMs;
      if (forMs > STUCK_MS) throw new Error(`no claim for ${Math.round(forMs)} ms`);
    },
    settled: async () => void (await Promise.allSettled(turns)),
  };
}
