import type { Database } from "@valify/database";
import type { JobRun, ObjectStore, PeriodicJob } from "@valify/runtime";
import type { Kysely } from "kysely";

import { deleteLeads, findExpiredRuns, markLeadsDeleted } from "./housekeeping-queries.ts";
import { deleteOldClaims } from "./lead-claim-queries.ts";
import { errorsKeyOf, resultsKeyOf } from "./results-file.ts";

export interface HousekeepingDeps {
  readonly db: Kysely<Database>;
  readonly objects: Pick<ObjectStore, "delete">;
  /** How long leads and results are kept after the batch's last webhook. */
  readonly leadRetentionMs: number;
}

const MINUTE_MS = 60_000;
/** Batches that one run deletes; a backlog takes several periods, none of which is long. */
const BATCHES_MAX = 200;
/** Rows per statement: tens of milliseconds, and few enough to vacuum at leisure. */
const ROWS_MAX = 5_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
/** The longest window that a rule profile can ask for. */
const CLAIM_RETENTION_MS = 90 * DAY_MS;

/** What validator cleans of its own, in whatever replica comes first. */
export function housekeepingJobs(deps: HousekeepingDeps): readonly PeriodicJob[] {
  return [
    {
      name: "expired_leads",
      periodMs: 10 * MINUTE_MS,
      timeoutMs: 5 * MINUTE_MS,
      run: (run) => deleteExpiredLeads(deps, run),
    },
    {
      name: "expired_claims",
      periodMs: 60 * MINUTE_MS,
      timeoutMs: 5 * MINUTE_MS,
      run: (run) => deleteExpiredClaims(deps, run),
    },
  ];
}

/**
 * Rows and results file first, then the mark: a crash in between goes on where it stopped. The run
 * stays, without personal data, so a message that comes back finds its work done.
 */
async function deleteExpiredLeads(deps: HousekeepingDeps, { now, signal }: JobRun) {
  const { db, objects, leadRetentionMs } = deps;
  const before = new Date(now.getTime() - leadRetentionMs);
  const runs = await findExpiredRuns(db, before, BATCHES_MAX);
  let leads = 0;
  for (const run of runs) {
    for (let count = ROWS_MAX; count === ROWS_MAX;) {
      signal.throwIfAborted();
      count = await deleteLeads(db, run.batchUuid, ROWS_MAX);
      leads += count;
    }
    // Whatever became of the run: one that failed late may have left a file too.
    await objects.delete(resultsKeyOf(run));
    await objects.delete(errorsKeyOf(run));
    await markLeadsDeleted(db, run.batchUuid, now);
  }
  return { batches: runs.length, leads };
}

async function deleteExpiredClaims({ db }: HousekeepingDeps, { now, signal }: JobRun) {
  const before = new Date(now.getTime() - CLAIM_RETENTION_MS);
  let claims = 0;
  for (let count = ROWS_MAX; count === ROWS_MAX;) {
    signal.throwIfAborted();
    count = await deleteOldClaims(db, { before, rowsMax: ROWS_MAX });
    claims += count;
  }
  return { claims };
}
