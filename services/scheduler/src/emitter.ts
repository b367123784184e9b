import { batchIdOfUuid, webhookDue, type WebhookDue, wakeUpKindOf } from "@valify/contracts";

import type { PublishMark } from "./claim-queries.ts";
import type { DatabaseClock } from "./domain/database-clock.ts";
import type { DueRow } from "./due-queries.ts";

export interface PublishAck {
  readonly seq: number;
  /** The stream held this message id already. */
  readonly duplicate: boolean;
}

export interface EmitterDeps {
  readonly clock: DatabaseClock;
  /** Resolves when JetStream has stored the event. */
  readonly publish: (event: WebhookDue) => Promise<PublishAck>;
  /** Seconds from the due instant to the server's acknowledgement. */
  readonly observeLateness: (seconds: number) => void;
  readonly observeDuplicate: () => void;
}

/** What became of a claim's rows. */
export interface Emission {
  /** The highest place in the stream that any of them got. Undefined: none was published. */
  readonly mark: PublishMark | undefined;
  /** Not published, or without an acknowledgement: they have to go back. */
  readonly unsent: readonly DueRow[];
  /** The first reason, if any. */
  readonly error: unknown;
}

export interface Emitter {
  /** Publishes each row at its instant and resolves when all is acknowledged or has failed. */
  emit(rows: readonly DueRow[]): Promise<Emission>;
  /** Emits nothing more: what is not published yet comes back as unsent. */
  stop(): void;
}

/** A timer fires up to a millisecond early; then it is set again. */
const TICK_MS = 1;
/** With many rows to come, fewer and larger writes: half of the processor time for 2 ms of lateness. */
const TICK_CROWDED_MS = 4;
const CROWD_ROWS = 1_000;

interface Turn {
  readonly rows: readonly DueRow[];
  next: number;
  pending: number;
  failed: DueRow[];
  error: unknown;
  mark: PublishMark | undefined;
  readonly resolve: (emission: Emission) => void;
}

/**
 * One timer for all claims under way, set for the earliest instant among them; when it fires, all
 * that is due by the database's clock goes out together, and nothing before.
 */
export function createEmitter(deps: EmitterDeps): Emitter {
  const turns = new Set<Turn>();
  let timer: NodeJS.Timeout | undefined;
  let isStopped = false;

  /** After a failure no more: what fails now mostly fails for all, and the rest goes back. */
  const isHalted = (turn: Turn) => isStopped || turn.failed.length > 0;

  function tick(): void {
    clearTimeout(timer);
    timer = undefined;
    const nowUs = deps.clock.nowUs(performance.now());
    let nextUs = Infinity;
    let waiting = 0;
    for (const turn of turns) {
      publishDue(turn, nowUs);
      if (isHalted(turn)) continue;
      nextUs = Math.min(nextUs, turn.rows[turn.next]?.dueUs ?? Infinity);
      waiting += turn.rows.length - turn.next;
    }
    if (nextUs === Infinity) return;
    // Ahead of us by at most the look-ahead: far below what a timer can hold.
    const tickMs = waiting > CROWD_ROWS ? TICK_CROWDED_MS : TICK_MS;
    timer = setTimeout(tick, Math.max(tickMs, Math.ceil((nextUs - nowUs) / 1_000)));
  }

  function publishDue(turn: Turn, nowUs: number): void {
    while (!isHalted(turn)) {
      const row = turn.rows[turn.next];
      if (row === undefined || row.dueUs > nowUs) break;
      turn.next += 1;
      turn.pending += 1;
      void publishRow(deps, turn, row).then(() => settleIfDone(turn));
    }
    settleIfDone(turn);
  }

  function settleIfDone(turn: Turn): void {
    if (turn.pending > 0 || (turn.next < turn.rows.length && !isHalted(turn))) return;
    if (!turns.delete(turn)) return;
    const unsent = [...turn.failed, ...turn.rows.slice(turn.next)];
    turn.resolve({ mark: turn.mark, unsent, error: turn.error });
  }

  return {
    emit(rows) {
      const { promise, resolve } = Promise.withResolvers<Emission>();
      const ordered = rows.filter((row) => !row.cancelled).toSorted((a, b) => a.dueUs - b.dueUs);
      const start = { next: 0, pending: 0, failed: [], error: undefined, mark: undefined };
      turns.add({ rows: ordered, resolve, ...start });
      tick();
      return promise;
    },
    stop() {
      isStopped = true;
      tick();
    },
  };
}

async function publishRow(deps: EmitterDeps, turn: Turn, row: DueRow): Promise<void> {
  try {
    const event = toEvent(row);
    const { seq, duplicate } = await deps.publish(event);
    if (seq > (turn.mark?.streamSeq ?? 0)) {
      turn.mark = { streamSeq: seq, messageId: webhookDue.eventId(event) };
    }
    if (duplicate) deps.observeDuplicate();
    deps.observeLateness((deps.clock.nowUs(performance.now()) - row.dueUs) / 1e6);
  } catch (error) {
    turn.error ??= error;
    turn.failed.push(row);
  }
  turn.pending -= 1;
}

/** The wake-up as it goes on the wire. */
export function toEvent(row: DueRow): WebhookDue {
  return {
    id: row.id,
    kind: wakeUpKindOf(row.kind),
    round: row.round,
    tenant_id: row.tenantId,
    batch_id: batchIdOfUuid(row.batchId),
    due_at: new Date(row.dueUs / 1_000).toISOString(),
    lane: row.lane,
  };
}
