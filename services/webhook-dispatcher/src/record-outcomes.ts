import { setTimeout as pause } from "node:timers/promises";

import type { Database } from "@valify/database";
import type { Logger } from "@valify/runtime";
import type { Kysely } from "kysely";

import { createAttemptPartitions, type DeliveryRecord, recordOutcomes } from "./record-queries.ts";

export interface OutcomeRecorder {
  /** Resolves when all of them are committed, in one statement. */
  record(records: readonly DeliveryRecord[]): Promise<void>;
  /** After a failure: tries again until it succeeds or the patience ends. */
  insist(records: readonly DeliveryRecord[]): Promise<void>;
}

export interface RecorderClock {
  nowMs(): number;
  pause(durationMs: number): Promise<unknown>;
}

const RETRY_MS = 500;
/** The request is made: as long as our lease holds, recording it beats sending it again. */
const PATIENCE_MS = 25_000;
const SYSTEM_CLOCK: RecorderClock = { nowMs: () => performance.now(), pause };

export function createOutcomeRecorder(
  db: Kysely<Database>,
  log: Logger,
  clock: RecorderClock = SYSTEM_CLOCK,
): OutcomeRecorder {
  const ensureDay = createAttemptPartitions(db);

  async function record(records: readonly DeliveryRecord[]): Promise<void> {
    for (const { attempt } of records) if (attempt !== null) await ensureDay(attempt.startedAt);
    await recordOutcomes(db, records);
  }

  async function insist(records: readonly DeliveryRecord[]): Promise<void> {
    const deadlineMs = clock.nowMs() + PATIENCE_MS;
    for (;;) {
      await clock.pause(RETRY_MS);
      try {
        await record(records);
        return;
      } catch (err) {
        if (clock.nowMs() > deadlineMs) throw err;
        log.warn({ err, records: records.length }, "outcome.record_failed");
      }
    }
  }

  return { record, insist };
}
