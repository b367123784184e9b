import type { Logger } from "@valify/runtime";

import type { BrokerGuard } from "./broker-guard.ts";
import type { Turn } from "./due-turn.ts";
import type { Emission, Emitter } from "./emitter.ts";
import type { LoopSignals } from "./loop-signals.ts";

/** Claims under way at once: while one waits for its instants, the next is claimed. */
export const TURNS_MAX = 4;
const FAILURE_PAUSE_FIRST_MS = 100;
const FAILURE_PAUSE_MAX_MS = 2_000;

export interface ClaimTurnsDeps {
  readonly guard: BrokerGuard;
  readonly signals: LoopSignals;
  readonly log: Logger;
  readonly emitter: Emitter;
  /** These rows are in the table again, the oldest from this instant on. */
  readonly onReturned: (dueMs: number) => void;
  /** A claim under way has ended: there is room for another. */
  readonly onRoom: () => void;
  readonly signal: AbortSignal;
}

/** The claims under way, and what went wrong with them of late. */
export interface ClaimTurns {
  add(turn: Turn): void;
  /** The last place is kept for what is due right now: rows of the next second must not fill it. */
  isBusy(): boolean;
  untilRoom(): Promise<void>;
  untilEmpty(): Promise<void>;
  noteFailure(): void;
  noteSuccess(): void;
  /** How long to leave a broken broker or database alone. */
  failurePauseMs(): number;
}

export function createClaimTurns(deps: ClaimTurnsDeps): ClaimTurns {
  const { guard, signals, log } = deps;
  const turns = new Set<Promise<void>>();
  let failures = 0;
  const isBusy = () => turns.size >= TURNS_MAX - 1;

  async function finish(turn: Turn): Promise<void> {
    const brokerId = guard.brokerId();
    try {
      const emission = await turn.finish(async (rows) => {
        const emitted = await deps.emitter.emit(rows);
        // Acknowledged by a broker that is gone, or by one that may have lost the others.
        if (guard.brokerId() !== brokerId) throw new Error("the broker restarted meanwhile");
        return emitted;
      });
      noteEmission(emission);
    } catch (error) {
      giveBack(turn.rows, error, "due.turn_rolled_back");
    }
  }

  function noteEmission({ unsent, error }: Emission): void {
    if (unsent.length === 0) failures = 0;
    else giveBack(unsent, error, "due.rows_put_back");
  }

  function giveBack(rows: Turn["rows"], err: unknown, event: string): void {
    deps.onReturned(rows.reduce((low, row) => Math.min(low, row.dueUs / 1_000 - 1), Infinity));
    if (deps.signal.aborted) {
      log.info({ rows: rows.length }, "due.rows_given_back");
      return;
    }
    failures += 1;
    log.warn({ rows: rows.length, err }, event);
  }

  return {
    isBusy,
    add(turn) {
      signals.addInFlight(turn.rows.length);
      const work = finish(turn).finally(() => {
        const hadNoRoom = isBusy();
        turns.delete(work);
        signals.addInFlight(-turn.rows.length);
        if (hadNoRoom) deps.onRoom();
      });
      turns.add(work);
    },
    async untilRoom() {
      while (turns.size >= TURNS_MAX) await Promise.race(turns);
    },
    untilEmpty: async () => void (await Promise.allSettled(turns)),
    noteFailure: () => void (failures += 1),
    noteSuccess: () => void (failures = 0),
    failurePauseMs: () =>
      failures === 0
        ? 0
        : Math.min(FAILURE_PAUSE_MAX_MS, FAILURE_PAUSE_FIRST_MS * 2 ** (failures - 1)),
  };
}
