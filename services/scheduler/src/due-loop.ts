import type { Database } from "@valify/database";
import { createWake, type Logger } from "@valify/runtime";
import type { Kysely } from "kysely";

import { type ClockReading, databaseNowUs } from "./domain/database-clock.ts";
import { LANE_COUNT } from "./domain/lane.ts";
import type { Leaf } from "./domain/leaf.ts";
import { LATE_INSERT_SECONDS, probeLeaf, readDatabaseClock } from "./due-queries.ts";
import { beginTurn, type Turn } from "./due-turn.ts";
import type { EmitDeps, EmitOptions } from "./emit-when-due.ts";
import type { Leaves } from "./leaves.ts";

export interface DueLoopDeps extends EmitDeps {
  /** A pool of its own, with at least TURNS_MAX + 1 connections and the settings of main.ts. */
  readonly db: Kysely<Database>;
  readonly leaves: Leaves;
  readonly log: Logger;
}

export interface DueLoop extends AsyncDisposable {
  /** Rows due from this instant on were just committed: looks now if they come before the poll. */
  wake(earliestDueMs: number): void;
  readonly done: Promise<void>;
}

/**
 * The claim must walk its index whatever the statistics say: planned on an empty leaf, Postgres
 * chose a sequential scan and took 170 times as long on a full one (docs/adr/0006-claim-by-delete.md).
 */
export const CLAIM_SETTINGS = {
  enable_seqscan: "off",
  enable_bitmapscan: "off",
  lock_timeout: "1s",
} as const;

/** Batches under way at once: while one waits for its instants, the next is claimed. */
export const TURNS_MAX = 4;
const ROWS_PER_TURN = 512;
/** A tenant owns four lanes, so one alone can still fill a turn. */
const ROWS_PER_LANE = 128;
const POLL_MS = 1_000;
/** Longer than a poll, so polling alone sees every row before it is due. */
const LOOK_AHEAD_MS = 1_500;
/** With one place left there is more than we can hold: take only what is about to be due. */
const LOOK_AHEAD_BUSY_MS = 100;
const POLL_BUSY_MS = 50;
/** How far behind now the normal claim looks: a commit that was slow to become visible. */
const LOW_MARGIN_MS = 5_000;
const SWEEP_EVERY_MS = 5_000;
/** The sweep finds what a killed replica gave back, and late rows that another replica stored. */
const SWEEP_BACK_MS = 2 * LATE_INSERT_SECONDS * 1_000;

/**
 * The loop: poll, claim what is due within the look-ahead, hand the claim to a turn that waits for
 * each instant and publishes, and go on claiming while claims come back full.
 *
 * `lowMs` bounds the claim below, past the dead entries of rows deleted before. It moves up only
 * after a claim that came back short, so an outage of Postgres or of the broker, however long,
 * leaves it behind and nothing is skipped. No leader, no NOTIFY, no lease: replicas share the work
 * because a claim skips rows that another one holds.
 */
export async function startDueLoop(deps: DueLoopDeps): Promise<DueLoop> {
  const stop = new AbortController();
  const alarm = createWake();
  const claimer = createClaimer({ ...deps, signal: stop.signal }, await readClock(deps.db));

  async function run(): Promise<void> {
    while (!stop.signal.aborted) {
      // Armed before the claim, so that a commit during it is not slept through.
      const pause = alarm.arm(claimer.pauseMs());
      try {
        const mayHaveMore = await claimer.claim();
        if (!mayHaveMore) await pause;
      } catch (error) {
        deps.log.warn({ err: error }, "due.claim_failed");
        await pause;
      }
    }
    await claimer.settled();
  }

  const done = run();
  return {
    done,
    wake(earliestDueMs) {
      if (claimer.isSoon(earliestDueMs)) alarm.wake();
    },
    async [Symbol.asyncDispose]() {
      stop.abort();
      alarm.wake();
      await done;
    },
  };
}

function createClaimer(deps: DueLoopDeps & EmitOptions, firstReading: ClockReading) {
  const { db, leaves, log } = deps;
  const turns = new Set<Promise<void>>();
  let clock = firstReading;
  let lowMs = leaves.oldest()?.from.getTime() ?? 0;
  let sweepAtMs = 0;
  let firstLane = 0;
  const nowMs = () => databaseNowUs(clock, performance.now()) / 1_000;

  /** The last place is kept for what is due right now: rows of the next second must not fill it. */
  const isBusy = () => turns.size >= TURNS_MAX - 1;

  /** Claims from the oldest leaf on. True: there may be more at once. */
  async function claim(): Promise<boolean> {
    while (turns.size >= TURNS_MAX) await Promise.race(turns);
    const lookAheadMs = isBusy() ? LOOK_AHEAD_BUSY_MS : LOOK_AHEAD_MS;
    const claimedAtMs = nowMs();
    if (claimedAtMs >= sweepAtMs) {
      sweepAtMs = claimedAtMs + SWEEP_EVERY_MS;
      lowMs = Math.min(lowMs, claimedAtMs - SWEEP_BACK_MS);
    }
    const startLowMs = lowMs;
    for (const leaf of leaves.between(startLowMs, claimedAtMs + lookAheadMs)) {
      const from = new Date(Math.max(startLowMs, leaf.from.getTime()));
      const count = await claimLeaf(leaf, from, lookAheadMs);
      // What is left of this leaf, and the leaves behind it, wait for the next claim.
      if (count >= ROWS_PER_LANE) return true;
    }
    // A wake or a rollback meanwhile may have moved it back: then it stays.
    if (lowMs === startLowMs) lowMs = claimedAtMs - LOW_MARGIN_MS;
    return false;
  }

  async function claimLeaf(leaf: Leaf, from: Date, lookAheadMs: number): Promise<number> {
    const { found, databaseUs } = await probeLeaf(db, { leaf, from, lookAheadMs });
    clock = { databaseUs, receivedMs: performance.now() };
    if (!found) return 0;
    firstLane = (firstLane + 1) % LANE_COUNT;
    const limits = { limit: ROWS_PER_TURN, limitPerLane: ROWS_PER_LANE };
    const turn = await beginTurn(db, { leaf, from, lookAheadMs, firstLane, ...limits });
    if (turn.rows.length > 0) track(turn);
    return turn.rows.length;
  }

  function track(turn: Turn): void {
    const work = turn
      .finish(deps)
      .catch((error: unknown) => {
        // The rows are back in the table: look from the oldest of them on.
        lowMs = turn.rows.reduce((low, row) => Math.min(low, row.dueUs / 1_000 - 1), lowMs);
        if (deps.signal.aborted) log.info({ rows: turn.rows.length }, "due.turn_given_back");
        else log.warn({ rows: turn.rows.length, err: error }, "due.turn_rolled_back");
      })
      .finally(() => turns.delete(work));
    turns.add(work);
  }

  return {
    claim,
    /** Always less than what the claim before it looked ahead. */
    pauseMs: () => (isBusy() ? POLL_BUSY_MS : POLL_MS) * (0.8 + 0.4 * Math.random()),
    isSoon(earliestDueMs: number): boolean {
      lowMs = Math.min(lowMs, earliestDueMs - 1);
      return earliestDueMs <= nowMs() + LOOK_AHEAD_MS;
    },
    settled: async () => void (await Promise.allSettled(turns)),
  };
}

async function readClock(db: Kysely<Database>): Promise<ClockReading> {
  const databaseUs = await readDatabaseClock(db);
  return { databaseUs, receivedMs: performance.now() };
}
