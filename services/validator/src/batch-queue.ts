import { setTimeout as pause } from "node:timers/promises";

import type { BatchUploaded } from "@valify/contracts";
import type { Database } from "@valify/database";
import { createWake, type Later, type Logger, type Metrics } from "@valify/runtime";
import type { Kysely } from "kysely";

import { retryDelayMs } from "./domain/retry-delay.ts";
import { leaveQueue, type Pick, pickBatch, postponeBatch } from "./queue-queries.ts";

export interface BatchQueueDeps {
  readonly db: Kysely<Database>;
  readonly log: Logger;
  readonly metrics: Metrics;
  /** Resolves when the run has ended and was announced; a later, when somebody else holds it. */
  readonly validate: (event: BatchUploaded) => Promise<Later | undefined>;
  /** After too many attempts: records and announces the failure. */
  readonly abandon: (event: BatchUploaded) => Promise<void>;
  /** False while a dependency of ours is away: that costs a batch no attempt. */
  readonly isReady: () => Promise<boolean>;
}

export interface BatchQueue extends AsyncDisposable {
  /** Something was put into the queue. */
  wake(): void;
}

/**
 * One more slot than told is kept for batches of at most this many leads, so that a small file
 * never waits for large ones to end. It costs a second of one slot at most.
 */
const EXPRESS_LEADS_MAX = 1_000;
/** For what another process left behind, and for what was put in without a word to us. */
const POLL_MS = 1_000;
const READY_POLL_MS = 500;
const ATTEMPTS_MAX = 100;

/** Works on the queue in `slotsMax` slots until disposed; then it ends the batches at work. */
export function startBatchQueue(deps: BatchQueueDeps, slotsMax: number): BatchQueue {
  const { db, log } = deps;
  const atWork = new Map<string, Promise<void>>();
  const wake = createWake();
  const inProgress = deps.metrics.gauge(
    "valify_batches_in_progress",
    "Batches that this process works on",
    [],
  );
  let isStopping = false;

  async function pick(): Promise<Pick | undefined> {
    if (isStopping || atWork.size > slotsMax) return undefined;
    const leadsMax = atWork.size < slotsMax ? null : EXPRESS_LEADS_MAX;
    try {
      return await pickBatch(db, { leadsMax, except: [...atWork.keys()] });
    } catch (error) {
      log.warn({ err: error }, "queue.pick_failed");
      return undefined;
    }
  }

  function start(picked: Pick): void {
    const work = createWork(
      deps,
      () => isStopping,
    )(picked)
      .catch((error: unknown) => log.warn({ err: error }, "queue.batch_left"))
      .finally(() => {
        atWork.delete(picked.batchUuid);
        inProgress.set(atWork.size);
        wake.wake();
      });
    atWork.set(picked.batchUuid, work);
    inProgress.set(atWork.size);
  }

  async function run(): Promise<void> {
    for (;;) {
      // Armed before the look, so that nothing that happens meanwhile is missed.
      const news = wake.arm(POLL_MS);
      const picked = await pick();
      // Picked while we were told to stop, it stays for another process.
      if (isStopping) break;
      if (picked === undefined) await news;
      else start(picked);
    }
    await Promise.all(atWork.values());
  }

  const done = run();
  return {
    wake: () => wake.wake(),
    async [Symbol.asyncDispose]() {
      isStopping = true;
      wake.wake();
      await done;
    },
  };
}

/** Takes one batch to its end, or leaves it in the queue. */
function createWork(deps: BatchQueueDeps, isStopping: () => boolean) {
  const { db, log, validate, abandon, isReady } = deps;

  /** Our own fault costs no attempt: the batch waits here until the fault is gone. */
  async function validateWhenWell(event: BatchUploaded): Promise<Later | undefined> {
    for (;;) {
      try {
        return await validate(event);
      } catch (error) {
        if (isStopping() || (await isReady())) throw error;
        log.warn({ batchId: event.batch_id, err: error }, "queue.batch_held");
        while (!isStopping() && !(await isReady())) await pause(READY_POLL_MS);
      }
    }
  }

  return async function work({ batchUuid, event, attempts }: Pick): Promise<void> {
    if (attempts > ATTEMPTS_MAX) {
      log.error({ batchId: event.batch_id, attempts }, "queue.batch_abandoned");
      await abandon(event);
      await leaveQueue(db, batchUuid);
      return;
    }
    try {
      const later = await validateWhenWell(event);
      if (later === undefined) await leaveQueue(db, batchUuid);
    } catch (error) {
      log.warn({ batchId: event.batch_id, attempts, err: error }, "queue.batch_postponed");
      await postponeBatch(db, batchUuid, retryDelayMs(attempts, Math.random()));
    }
  };
}
