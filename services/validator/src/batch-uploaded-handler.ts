import { randomUUID } from "node:crypto";

import type { BatchUploaded } from "@valify/contracts";
import type { Database, LeadHash } from "@valify/database";
import {
  type Bus,
  type Later,
  type Logger,
  type ObjectStore,
  startPeriodic,
} from "@valify/runtime";
import type { Kysely } from "kysely";

import { publishEnd } from "./batch-end.ts";
import type { BatchObserver } from "./batch-observer.ts";
import { type Batch, batchOfEvent } from "./domain/batch.ts";
import { holdDelayMs } from "./domain/hold.ts";
import { databaseNowMs } from "./domain/run-clock.ts";
import type { ExternalProvider } from "./external-provider.ts";
import {
  abandonRun,
  claimRun,
  completeRun,
  failRun,
  findRunEnd,
  pauseRun,
  releaseRun,
  renewLease,
  type RunEnd,
  type RunFailure,
} from "./run-queries.ts";
import {
  type ClaimedRun,
  validateBatch,
  type ValidateOptions,
  type ValidationOutcome,
} from "./validate-batch.ts";

export interface BatchUploadedDeps {
  readonly db: Kysely<Database>;
  readonly bus: Pick<Bus, "publish" | "publishAll">;
  readonly objects: ObjectStore;
  readonly observer: BatchObserver;
  readonly log: Logger;
  readonly leadHash: LeadHash;
  /** Undefined: this installation has none. */
  readonly external: ExternalProvider | undefined;
}

/** How long a batch waits for its successor when its validator was killed. */
export const LEASE_MS = 10_000;
export const CHUNK_ROWS = 1_000;
/** When a lease is about to end, its holder may still renew it. */
const HELD_DELAY_MIN_MS = 100;

/** Validates a batch; a repeat goes on where the last run stopped, or tells its end again. */
export function createBatchUploadedHandler(deps: BatchUploadedDeps, options: ValidateOptions) {
  const { db, bus, observer, log } = deps;
  const { leaseMs } = options;

  async function work(run: ClaimedRun): Promise<RunEnd | Later> {
    await using stack = new AsyncDisposableStack();
    // Every chunk renews the lease too; this is for a slow object store or a broker that is away.
    const every = { intervalMs: leaseMs / 3, event: "lease.renewal_failed", log };
    stack.use(startPeriodic(() => renewLease(db, run, leaseMs), every));
    const outcome = await validateBatch({ ...deps, options }, run);
    if (outcome.kind === "held") {
      const delayMs = holdDelayMs(
        run.batch.uploadedAt,
        databaseNowMs(run.clock, performance.now()),
      );
      if (delayMs !== null && (await pauseRun(db, run, delayMs))) return { kind: "later", delayMs };
    }
    await recordEnd(db, run, outcome);
    const end = await findRunEnd(db, run.batchUuid);
    if (end === undefined) throw new Error("another validator has taken over this batch");
    return end;
  }

  async function start(batch: Batch): Promise<Later | undefined> {
    const leaseToken = randomUUID();
    const claim = await claimRun(db, batch, leaseToken, leaseMs);
    const receivedMs = performance.now();
    if (claim.kind === "held") {
      return { kind: "later", delayMs: clamp(claim.restMs, HELD_DELAY_MIN_MS, leaseMs) };
    }
    if (claim.kind === "ended") {
      await publishEnd(bus, batch, claim.end);
      return undefined;
    }
    const { announcedRows, databaseMs } = claim;
    const { batchUuid } = batch;
    const run = {
      batch,
      batchUuid,
      leaseToken,
      announcedRows,
      clock: { databaseMs, receivedMs },
    };
    try {
      const end = await work(run);
      if ("kind" in end) return end;
      await publishEnd(bus, batch, end);
      observer.batchEnded(batch.batchId, end, performance.now() - receivedMs);
      return undefined;
    } catch (error) {
      // Only saves time: where this fails too, the lease runs out by itself.
      await releaseRun(db, run).catch(() => {});
      throw error;
    }
  }

  return async function handleBatchUploaded(event: BatchUploaded): Promise<Later | undefined> {
    return start(batchOfEvent(event));
  };
}

const heldTooLong: RunFailure = {
  code: "EXTERNAL_CHECK_UNAVAILABLE",
  message: "The external check, which the rule profile asks for, could not be made in six hours",
};

/** Nothing happens where the run is not ours any more: then it has ended, or somebody goes on. */
async function recordEnd(
  db: Kysely<Database>,
  run: ClaimedRun,
  outcome: ValidationOutcome,
): Promise<void> {
  switch (outcome.kind) {
    case "validated":
      await completeRun(db, run, outcome);
      return;
    case "refused":
      await failRun(db, run, outcome.failure);
      return;
    case "held":
      await failRun(db, run, heldTooLong);
      return;
    case "stopped":
      return;
  }
}

/** The message is used up: whoever waits for the batch must hear that it will never end well. */
export function createBatchAbandonedHandler({
  db,
  bus,
  observer,
}: Pick<BatchUploadedDeps, "db" | "bus" | "observer">) {
  return async function handleBatchAbandoned(event: BatchUploaded): Promise<void> {
    const batch = batchOfEvent(event);
    const message = "The file could not be validated, in spite of many attempts";
    await abandonRun(db, batch, { code: "VALIDATION_ABANDONED", message });
    const end = await findRunEnd(db, batch.batchUuid);
    if (end === undefined) throw new Error("an abandoned run has no end");
    await publishEnd(bus, batch, end);
    if (end.status === "failed") observer.batchEnded(batch.batchId, end, 0);
  };
}

function clamp(value: number, min: number, max: number): number {
  return Math.min(max, Math.max(min, value));
}
