import { setTimeout as pause } from "node:timers/promises";

import { batchIdOfUuid, wakeUpKindOf, type WebhookDue } from "@valify/contracts";

import { type ClockReading, databaseNowUs } from "./domain/database-clock.ts";
import type { DueRow } from "./due-queries.ts";

export interface EmitDeps {
  /** Resolves when JetStream has stored the event. */
  readonly publish: (event: WebhookDue) => Promise<unknown>;
  /** Seconds from the due instant to the server's acknowledgement. */
  readonly observeLateness: (seconds: number) => void;
}

/** Ends the wait: the rows not yet due belong to whoever claims them next. */
export interface EmitOptions extends EmitDeps {
  readonly signal: AbortSignal;
}

/** Timers fire up to a millisecond early; then the loop below simply arms again. */
const TIMER_MIN_MS = 0.2;

/**
 * Publishes each row at its instant, never before it by the database's clock, and resolves when
 * all are stored. Rejects if one was not; then none may be marked as sent.
 */
export async function emitWhenDue(
  rows: readonly DueRow[],
  clock: ClockReading,
  { publish, observeLateness, signal }: EmitOptions,
): Promise<void> {
  const ordered = rows.filter(({ cancelled }) => !cancelled).toSorted((a, b) => a.dueUs - b.dueUs);
  const published: Promise<void>[] = [];
  const failed = new AbortController();
  for (const row of ordered) {
    // No turn of the queue for a row that is due: what is published together is written together.
    if (!isDue(row.dueUs, clock)) await untilDue(row.dueUs, clock, signal);
    // One failure rolls the whole claim back: publishing more would only make more repeats.
    if (failed.signal.aborted) break;
    published.push(emit(row));
  }
  await Promise.all(published);

  async function emit(row: DueRow): Promise<void> {
    try {
      await publish(toEvent(row));
    } catch (error) {
      failed.abort();
      throw error;
    }
    observeLateness((databaseNowUs(clock, performance.now()) - row.dueUs) / 1e6);
  }
}

function isDue(dueUs: number, clock: ClockReading): boolean {
  return databaseNowUs(clock, performance.now()) >= dueUs;
}

async function untilDue(dueUs: number, clock: ClockReading, signal: AbortSignal): Promise<void> {
  for (;;) {
    signal.throwIfAborted();
    const waitMs = (dueUs - databaseNowUs(clock, performance.now())) / 1_000;
    if (waitMs <= 0) return;
    await pause(Math.max(TIMER_MIN_MS, waitMs), undefined, { signal });
  }
}

function toEvent(row: DueRow): WebhookDue {
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
