import type { Database, LeadHash } from "@valify/database";
import type { LeadFile } from "@valify/lead-file";
import { type Bus, deterministicUuid, type ObjectStore } from "@valify/runtime";
import type { Kysely } from "kysely";

import { createAnnouncer } from "./announcer.ts";
import { type FileLimits, readBatchFile } from "./batch-file.ts";
import type { BatchObserver } from "./batch-observer.ts";
import { checkExternally, type CheckExternallyDeps } from "./check-externally.ts";
import { checkKnownLeads, refuseSuppressed } from "./check-known-leads.ts";
import type { Batch } from "./domain/batch.ts";
import { type ChunkJudge, createChunkJudge } from "./domain/chunk-judge.ts";
import { type Chunk, planChunks } from "./domain/chunk-plan.ts";
import {
  addCounts,
  countRows,
  type LeadRecord,
  NO_ROWS,
  type RowCounts,
  totalOf,
} from "./domain/lead-record.ts";
import { type ClockReading, databaseNowMs } from "./domain/run-clock.ts";
import { countLeads, findLastStoredRow, loadLeads, storeLeads } from "./lead-queries.ts";
import { createResultsFile, errorsKeyOf, resultsKeyOf } from "./results-file.ts";
import { advanceRun, type Run, type RunFailure } from "./run-queries.ts";

export interface ValidateBatchDeps extends CheckExternallyDeps {
  readonly db: Kysely<Database>;
  readonly bus: Pick<Bus, "publishAll">;
  readonly objects: ObjectStore;
  readonly leadHash: LeadHash;
  readonly observer: Pick<BatchObserver, "rowsAnnounced">;
  readonly options: ValidateOptions;
}

export interface ValidateOptions {
  readonly limits: FileLimits;
  /** Rows that are stored, announced and marked together. */
  readonly chunkRows: number;
  readonly leaseMs: number;
}

/** A run that we hold, and what its claim said. */
export interface ClaimedRun extends Run {
  readonly batch: Batch;
  readonly announcedRows: number;
  readonly clock: ClockReading;
}

export type ValidationOutcome =
  | {
      readonly kind: "validated";
      readonly counts: RowCounts;
      readonly resultsKey: string;
      /** Null: no row was refused. */
      readonly errorsKey: string | null;
    }
  | { readonly kind: "refused"; readonly failure: RunFailure }
  /** Cancelled, or somebody else's by now. */
  | { readonly kind: "stopped" }
  /** The external validator does not answer, and the profile rather waits. */
  | { readonly kind: "held" };

/** Why there is no more to say of a chunk, or of the batch. */
type Halt = Exclude<ValidationOutcome["kind"], "validated" | "refused">;

/**
 * Takes a batch from its file to its results, from wherever an earlier run stopped. Every chunk
 * waits for Postgres, so the event loop is free for heartbeats in between.
 */
export async function validateBatch(
  deps: ValidateBatchDeps,
  run: ClaimedRun,
): Promise<ValidationOutcome> {
  const { db, objects, options } = deps;
  const { batch } = run;
  const reading = await readBatchFile(objects, batch, options.limits);
  if (reading.kind === "refused") return reading;

  const results = createResultsFile(reading.file);
  const counts = await announceRows(deps, run, reading.file, (leads) => results.add(leads));
  if (counts === "stopped" || counts === "held") return { kind: counts };
  const failure = findMismatch(batch, counts, await countLeads(db, batch));
  if (failure !== undefined) return { kind: "refused", failure };

  const resultsKey = resultsKeyOf(batch);
  await objects.put(resultsKey, results.bytes());
  const errorBytes = results.errorBytes();
  const errorsKey = errorBytes === undefined ? null : errorsKeyOf(batch);
  if (errorsKey !== null && errorBytes !== undefined) await objects.put(errorsKey, errorBytes);
  return { kind: "validated", counts, resultsKey, errorsKey };
}

/** `onLeads` gets every row of the file in order, also those done before. */
async function announceRows(
  deps: ValidateBatchDeps,
  run: ClaimedRun,
  file: LeadFile,
  onLeads: (leads: readonly LeadRecord[]) => void,
): Promise<RowCounts | Halt> {
  const { db, bus, observer, options } = deps;
  const { batch } = run;
  const source = createLeadSource(deps, run, file);
  let marked = NO_ROWS;
  await using announcer = createAnnouncer(batch, {
    bus,
    async mark(leads) {
      const counts = countRows(leads);
      marked = addCounts(marked, counts);
      const progress = { announcedRows: totalOf(marked), counts: marked };
      const isOurs = await advanceRun(db, run, progress, options.leaseMs);
      if (isOurs) observer.rowsAnnounced(counts);
      return isOurs;
    },
  });
  const progress = {
    totalRows: batch.totalLeads,
    announcedRows: run.announcedRows,
    storedRows: await findLastStoredRow(db, batch),
  };
  for (const chunk of planChunks(progress, options.chunkRows)) {
    const leads = await source.take(chunk);
    if (leads === "stopped" || leads === "held") return leads;
    onLeads(leads);
    if (chunk.progress === "announced") marked = addCounts(marked, countRows(leads));
    else if (!(await announcer.add(leads))) return "stopped";
  }
  return (await announcer.finish()) ? marked : "stopped";
}

/** Gives each chunk's rows as they are stored: judged now, or loaded where a verdict exists. */
function createLeadSource(deps: ValidateBatchDeps, run: ClaimedRun, file: LeadFile) {
  const { db } = deps;
  const { batch, clock } = run;
  const judge: ChunkJudge = createChunkJudge({
    batch,
    dialect: file.dialect,
    leadUuidOf: (rowNumber) => deterministicUuid("lead", batch.batchUuid, rowNumber),
    nowMs: () => databaseNowMs(clock, performance.now()),
  });
  return {
    async take(chunk: Chunk): Promise<readonly LeadRecord[] | Halt> {
      if (chunk.progress !== "none") {
        const leads = await loadLeads(db, batch, chunk);
        judge.remember(leads);
        return leads;
      }
      const judged = judge.judge(file.rows.slice(chunk.firstRow - 1, chunk.lastRow));
      const leaves = batch.ruleProfile.externalCheck !== "off";
      const drafts = leaves ? await refuseSuppressed(deps, batch, judged, judge.ruleset) : judged;
      const check = await checkExternally(deps, batch, drafts);
      if (check.kind === "held") return "held";
      const leads = judge.seal(await checkKnownLeads(deps, run, check.drafts, judge.ruleset));
      const outcome = await storeLeads(db, run, batch.tenantId, leads);
      if (outcome === "stopped") return outcome;
      // A holder before us, frozen until now, got its rows in after we looked: they stand.
      return outcome === "kept" ? loadLeads(db, batch, chunk) : leads;
    },
  };
}

/** Every row of the file must have ended as one of the three; anything else is a fault of ours. */
function findMismatch(
  { totalLeads }: Batch,
  counted: RowCounts,
  stored: RowCounts,
): RunFailure | undefined {
  const isSame =
    counted.valid === stored.valid &&
    counted.invalid === stored.invalid &&
    counted.skipped === stored.skipped;
  if (isSame && totalOf(stored) === totalLeads) return undefined;
  const message = `${totalOf(stored)} of ${totalLeads} rows have a verdict`;
  return { code: "COUNT_MISMATCH", message };
}
