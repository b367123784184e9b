import { batchIdOfUuid, webhookDue, type WebhookDue, wakeUpKindOf } from "@valify/contracts";
import { instantText } from "@valify/runtime";

import type { PublishMark } from "./claim-queries.ts";
import type { DatabaseClock } from "./domain/database-clock.ts";
import type { DueRow } from "./due-queries.ts";

export interface PublishAck {
  readonly seq: number;
  /** The stream held this message id already. */
  readonly duplicate: boolean;
}

/** Hears of each event of a list once, by its place in it. */
export interface PublishListener {
  /** JetStream has stored it. */
  readonly acked: (index: number, ack: PublishAck) => void;
  readonly failed: (index: number, error: Error) => void;
}

export interface EmitterDeps {
  readonly clock: DatabaseClock;
  readonly publishEach: (events: readonly WebhookDue[], listener: PublishListener) => void;
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
  /** The highest place in the stream so far, and what lies there. */
  lastSeq: number;
  last: WebhookDue | undefined;
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
    const from = turn.next;
    while (!isHalted(turn) && (turn.rows[turn.next]?.dueUs ?? Infinity) <= nowUs) turn.next += 1;
    if (turn.next > from) {
      publishRows(deps, turn, turn.rows.slice(from, turn.next), () => settleIfDone(turn));
    }
    settleIfDone(turn);
  }

  function settleIfDone(turn: Turn): void {
    if (turn.pending > 0 || (turn.next < turn.rows.length && !isHalted(turn))) return;
    if (!turns.delete(turn)) return;
    const unsent = [...turn.failed, ...turn.rows.slice(turn.next)];
    turn.resolve({ mark: markOf(turn), unsent, error: turn.error });
  }

  return {
    emit(rows) {
      const { promise, resolve } = Promise.withResolvers<Emission>();
      const ordered = rows.filter((row) => !row.cancelled).toSorted((a, b) => a.dueUs - b.dueUs);
      const start = { next: 0, pending: 0, failed: [], error: undefined };
      turns.add({ rows: ordered, resolve, ...start, lastSeq: 0, last: undefined });
      tick();
      return promise;
    },
    stop() {
      isStopped = true;
      tick();
    },
  };
}

/** `onEnd` is called after the end of each. */
function publishRows(
  { clock, publishEach, observeDuplicate, observeLateness }: EmitterDeps,
  turn: Turn,
  rows: readonly DueRow[],
  onEnd: () => void,
): void {
  turn.pending += rows.length;
  const events = rows.map(toEvent);
  publishEach(events, {
    acked(index, { seq, duplicate }) {
      if (seq > turn.lastSeq) {
        turn.lastSeq = seq;
        turn.last = events[index];
      }
      if (duplicate) observeDuplicate();
      const nowUs = clock.nowUs(performance.now());
      observeLateness((nowUs - (rows[index]?.dueUs ?? nowUs)) / 1e6);
      turn.pending -= 1;
      onEnd();
    },
    failed(index, error) {
      turn.error ??= error;
      const row = rows[index];
      if (row !== undefined) turn.failed.push(row);
      turn.pending -= 1;
      onEnd();
    },
  });
}

function markOf({ lastSeq, last }: Turn): PublishMark | undefined {
  if (last === undefined) return undefined;
  return { streamSeq: lastSeq, messageId: webhookDue.eventId(last) };
}

/** The wake-up as it goes on the wire. */
export function toEvent(row: DueRow): WebhookDue {
  return {
    id: row.id,
    kind: wakeUpKindOf(row.kind),
    round: row.round,
    tenant_id: row.tenantId,
    batch_id: batchIdOfUuid(row.batchId),
    due_at: instantText(new Date(row.dueUs / 1_000)),
    lane: row.lane,
  };
}
