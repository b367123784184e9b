import { setTimeout as pause } from "node:timers/promises";

import type { Database } from "@valify/database";
import { createBatcher, type Logger } from "@valify/runtime";
import type { Kysely } from "kysely";

import { createAttemptPartitions, type DeliveryRecord, recordOutcomes } from "./record-queries.ts";

const ROWS_MAX = 500;
const FLUSH_MS = 5;
const RETRY_MS = 500;
/** The request is made: as long as our lease holds, recording it beats sending it again. */
const PATIENCE_MS = 25_000;

export interface RecorderClock {
  nowMs(): number;
  pause(durationMs: number): Promise<unknown>;
}

const SYSTEM_CLOCK: RecorderClock = { nowMs: () => performance.now(), pause };

/** Group commit: outcomes of many deliveries in one statement. Waits out a short outage. */
export function createOutcomeRecorder(
  db: Kysely<Database>,
  log: Logger,
  clock: RecorderClock = SYSTEM_CLOCK,
) {
  const ensureDay = createAttemptPartitions(db);
  const batcher = createBatcher<DeliveryRecord, undefined>({
    itemsMax: ROWS_MAX,
    delayMs: FLUSH_MS,
    // While one group is committed the next gathers: under load groups grow by themselves.
    concurrency: 1,
    run: async (records) => {
      for (const { attempt } of records) if (attempt !== null) await ensureDay(attempt.startedAt);
      await recordOutcomes(db, records);
      return records.map(() => undefined);
    },
  });
  return async function record(outcome: DeliveryRecord): Promise<void> {
    const deadlineMs = clock.nowMs() + PATIENCE_MS;
    for (;;) {
      try {
        await batcher.add(outcome);
        return;
      } catch (error) {
        if (clock.nowMs() > deadlineMs) throw error;
        log.warn({ deliveryId: outcome.deliveryId, err: error }, "outcome.record_failed");
        await clock.pause(RETRY_MS);
      }
    }
  };
}
