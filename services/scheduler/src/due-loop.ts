import { createWake, type Logger, type Wake } from "@valify/runtime";

import type { BrokerGuard } from "./broker-guard.ts";
import { type ClaimPool, readClock } from "./claim-queries.ts";
import { type ClaimTurns, createClaimTurns } from "./claim-turns.ts";
import { createClaimer } from "./claimer.ts";
import { createClaimPlanner } from "./domain/claim-plan.ts";
import { createDatabaseClock } from "./domain/database-clock.ts";
import { createEmitter, type EmitterDeps } from "./emitter.ts";
import type { Leaves } from "./leaves.ts";
import type { LoopSignals } from "./loop-signals.ts";

export interface DueLoopDeps extends Pick<EmitterDeps, "publishEach"> {
  /** A pool of its own, with TURNS_MAX + 1 connections and the settings of claim-statement.ts. */
  readonly pool: ClaimPool;
  readonly leaves: Leaves;
  readonly guard: BrokerGuard;
  readonly signals: LoopSignals;
  /** After a claim that failed: the leaf it needed may be missing, or gone. */
  readonly repair: () => Promise<void>;
  readonly log: Logger;
}

export interface DueLoop extends AsyncDisposable {
  /** Rows due from this instant on were just committed: looks now if the next poll is too late. */
  wake(earliestDueMs: number): void;
  /** Rejects when the loop has not looked at its table for a while. */
  check(atMs?: number): Promise<void>;
  /** From here on rows may be pending, in milliseconds since 1970. */
  lowMs(): number;
  /** The database's clock, in milliseconds since 1970. */
  nowMs(): number;
  readonly done: Promise<void>;
}

/** Inserts of rows that are due at once come by the hundred a second: one claim serves many. */
const CLAIM_SPACING_MS = 10;
/** Longer than any pause above and than the longest claim: beyond it the loop is stuck. */
const STUCK_MS = 10_000;

/**
 * How a row gets out on time, once, through any crash:
 *
 * 1. A row in the table is pending; nothing else says so. Once a second, give or take, the loop asks
 *    whether anything is due within the next 1.5 s (`probeStatement`). Idle, that is all it does.
 * 2. If so it claims: in a transaction that stays open, one statement deletes up to 512 rows, a share
 *    of each lane, and enters them in the ledger (`claimStatement`). While claims come back full the
 *    next follows at once, up to four under way; the last place is kept for what is due right now.
 * 3. The emitter waits for each row's instant by the database's clock and publishes it, pipelined,
 *    under the message id `<id>:<round>:webhook.due`.
 * 4. When the stream has acknowledged all, a mark of where the last one lies and COMMIT go out in one
 *    message. COMMIT is what says that the rows were sent. Whatever happens before it, a crash
 *    included, Postgres puts the rows back, another claim finds them, and the stream drops repeats.
 * 5. Claims look from `low` on, past the dead entries of rows long gone. What a killed or frozen
 *    replica gives back later, and what another replica stored late, a sweep over the last minute
 *    finds, every 5 s.
 * 6. After the broker was replaced or restarted, and before anything else is published, the guard
 *    looks whether the stream still holds the last mark; if not, the ledger is published again.
 *
 * No leader, no NOTIFY, no lease: replicas share the work since a claim skips the rows that another
 * one holds. Each step has its reason in docs/adr/0020-claim-ahead-with-a-ledger.md.
 */
export async function startDueLoop(deps: DueLoopDeps): Promise<DueLoop> {
  const { pool, leaves, signals, guard, publishEach } = deps;
  const stop = new AbortController();
  const alarm = createWake();
  const clock = createDatabaseClock(await readClock(pool));
  const nowMs = () => clock.nowUs(performance.now()) / 1_000;
  const planner = createClaimPlanner(leaves.oldest()?.from.getTime() ?? 0, Math.random);
  const emitter = createEmitter({ clock, publishEach, ...signals });
  const turns = createClaimTurns({
    guard,
    signals,
    emitter,
    log: deps.log,
    onReturned: (dueMs) => planner.lower(dueMs),
    onRoom: () => alarm.wake(),
    signal: stop.signal,
  });
  const claim = createClaimer({ pool, leaves, signals, clock, planner, turns });
  const cycle = createCycle(deps, {
    claim,
    turns,
    alarm,
    pauseMs: () => planner.pauseMs(nowMs(), turns.isBusy()),
    signal: stop.signal,
  });
  const done = cycle.run();
  return {
    done,
    nowMs,
    wake(earliestDueMs) {
      planner.lower(earliestDueMs - 1);
      alarm.wake();
    },
    check: (atMs) => cycle.check(atMs),
    lowMs: () => planner.lowMs(),
    async [Symbol.asyncDispose]() {
      stop.abort();
      emitter.stop();
      cycle.wake();
      await done;
    },
  };
}

interface CycleParts {
  readonly claim: () => Promise<void>;
  readonly turns: ClaimTurns;
  /** Something has changed: look again how long the pause is. */
  readonly alarm: Wake;
  readonly pauseMs: () => number;
  readonly signal: AbortSignal;
}

/** Claims, pauses for as long as the planner says, and claims again. */
function createCycle(deps: DueLoopDeps, parts: CycleParts) {
  const { claim, turns, alarm, pauseMs, signal } = parts;
  /** A pause that nothing but the end cuts short. */
  const rest = createWake();
  let lookedAtMs = performance.now();

  async function run(): Promise<void> {
    while (!signal.aborted) {
      const startedMs = performance.now();
      await tryClaim();
      let restMs = turns.failurePauseMs();
      for (let waitMs = pauseMs(); waitMs > 0 && !signal.aborted; waitMs = pauseMs()) {
        await alarm.arm(waitMs);
        restMs = Math.max(restMs, startedMs + CLAIM_SPACING_MS - performance.now());
      }
      if (restMs > 0 && !signal.aborted) await rest.arm(restMs);
    }
    await turns.untilEmpty();
  }

  async function tryClaim(): Promise<void> {
    try {
      await turns.untilRoom();
      if (signal.aborted) return;
      await deps.guard.settle();
      await claim();
      lookedAtMs = performance.now();
    } catch (error) {
      turns.noteFailure();
      deps.log.warn({ err: error }, "due.claim_failed");
      // Fails as well where Postgres is away; then the next claim tells.
      await deps.repair().catch(() => {});
    }
  }

  return {
    run,
    wake() {
      alarm.wake();
      rest.wake();
    },
    /** `atMs`: by the monotonic clock, for tests that do not wait. */
    async check(atMs = performance.now()): Promise<void> {
      const forMs = atMs - lookedAtMs;
      if (forMs > STUCK_MS) throw new Error(`no claim for ${Math.round(forMs)} ms`);
    },
  };
}
