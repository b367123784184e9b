import { batchIdOfUuid } from "@valify/contracts";
import type { Database, LeadHash } from "@valify/database";
import { readLeadFile } from "@valify/lead-file";
import type { Logger, ObjectStore } from "@valify/runtime";
import type { Kysely } from "kysely";

import { createUploadExaminer } from "./examine-upload.ts";
import { answerOf, newBatchOf } from "./new-batch.ts";
import { failures } from "./problem.ts";
import { recordUpload } from "./record-upload.ts";
import { refuse, type Upload, type UploadOutcome } from "./upload-outcome.ts";
import type { NewBatch } from "./upload-queries.ts";
import { duplicateOf, keyReused } from "./upload-refusals.ts";

export interface AcceptUploadDeps {
  readonly db: Kysely<Database>;
  readonly store: ObjectStore;
  readonly log: Logger;
  readonly leadHash: LeadHash;
  readonly leadsMax: number;
  readonly webhookDelayMs: number;
  /** Something was put into the outbox. */
  readonly wakeOutbox: () => void;
}

/**
 * Stores the file, then records the batch: a recorded batch always has its file, and what breaks
 * in between leaves a file without a batch, which nobody ever reads.
 */
export function createAcceptUpload(deps: AcceptUploadDeps) {
  const { db, store, log } = deps;
  const { findReplay, preview, findObjection } = createUploadExaminer(deps);

  async function acceptNew(batch: NewBatch, upload: Upload): Promise<UploadOutcome> {
    const { objectKey, tenantId } = batch;
    const batchId = batchIdOfUuid(batch.batchUuid);
    try {
      await store.put(objectKey, upload.bytes);
    } catch (error) {
      log.error({ batchId, err: error }, "upload.not_stored");
      return refuse(failures.objectStoreUnavailable);
    }
    const recording = await recordUpload(db, batch, upload.actor);
    if (recording.kind === "recorded") {
      deps.wakeOutbox();
      log.info({ batchId, tenantId, totalLeads: batch.totalLeads }, "batch.accepted");
      return { kind: "accepted", answer: answerOf({ ...batch, warnings: recording.warnings }) };
    }
    if (recording.kind === "failed") {
      log.error({ batchId, err: recording.error }, "upload.not_recorded");
      if (recording.isUndone) await discard(objectKey);
      return refuse(failures.databaseUnavailable);
    }
    await discard(objectKey);
    if (recording.kind === "duplicate") return refuse(duplicateOf(recording.of));
    if (recording.kind === "limited" || recording.kind === "objected") {
      return refuse(recording.failure);
    }
    return (await findReplay(upload)) ?? refuse(keyReused);
  }

  /** Best effort: a file that stays behind costs space, nothing else. */
  async function discard(objectKey: string): Promise<void> {
    await store.delete(objectKey).catch((error: unknown) => {
      log.warn({ err: error }, "upload.file_left_behind");
    });
  }

  return async function acceptUpload(upload: Upload, now: Date): Promise<UploadOutcome> {
    const { actor, bytes, options } = upload;
    const replay = options.isDryRun ? undefined : await findReplay(upload);
    if (replay !== undefined) return replay;
    const reading = readLeadFile(bytes, { maxRows: deps.leadsMax });
    if (reading.kind === "refused") {
      const { code, httpStatus, message } = reading.problem;
      log.info({ tenantId: actor.tenantId, code }, "upload.refused");
      return refuse({ status: httpStatus, code, detail: message });
    }
    const { file } = reading;
    if (options.isDryRun) return preview(upload, file, now);
    const objection = await findObjection(upload, file, now);
    if (objection !== null) {
      log.info({ tenantId: actor.tenantId, code: objection.code }, "upload.refused");
      // The first upload of this key may have come between the two looks.
      return (await findReplay(upload)) ?? refuse(objection);
    }
    const uploaded = { ...upload, tenantId: actor.tenantId, options: options.batch };
    return acceptNew(newBatchOf(uploaded, file, now, deps.webhookDelayMs), upload);
  };
}

export type AcceptUpload = ReturnType<typeof createAcceptUpload>;
