import { hash, randomBytes } from "node:crypto";

import { batchIdOfUuid } from "@valify/contracts";
import type { UploadAccepted } from "@valify/contracts/api";
import type { Database } from "@valify/database";
import { type LeadFile, londonDateOf, readLeadFile } from "@valify/lead-file";
import type { Logger, ObjectStore } from "@valify/runtime";
import type { Kysely } from "kysely";

import type { Actor } from "./audit.ts";
import { BATCH_RANDOM_BYTE_COUNT, batchUuidOf } from "./domain/batch-uuid.ts";
import { type Failure, failures } from "./problem.ts";
import { recordUpload } from "./record-upload.ts";
import { inTenant } from "./tenant-scope.ts";
import { findUploadByKey, type NewBatch, type StoredUpload } from "./upload-queries.ts";

export interface AcceptUploadDeps {
  readonly db: Kysely<Database>;
  readonly store: ObjectStore;
  readonly log: Logger;
  readonly leadsMax: number;
  readonly webhookDelayMs: number;
  /** Something was put into the outbox. */
  readonly wakeOutbox: () => void;
}

export interface Upload {
  readonly actor: Actor;
  readonly filename: string;
  readonly bytes: Buffer;
  readonly idempotencyKey: string | null;
}

export type UploadOutcome =
  | { readonly kind: "accepted"; readonly answer: UploadAccepted }
  /** The same file under the same idempotency key: the first answer once more. */
  | { readonly kind: "replayed"; readonly answer: UploadAccepted }
  | { readonly kind: "refused"; readonly failure: Failure };

const keyReused: Failure = {
  status: 409,
  code: "IDEMPOTENCY_KEY_REUSED",
  detail: "This Idempotency-Key belongs to another file. Use a new key for a new file",
};

/**
 * Stores the file, then records the batch: a recorded batch always has its file, and what breaks
 * in between leaves a file without a batch, which nobody ever reads.
 */
export function createAcceptUpload(deps: AcceptUploadDeps) {
  const { db, store, log } = deps;

  async function acceptNew(
    batch: NewBatch,
    { actor, bytes }: Pick<Upload, "actor" | "bytes">,
  ): Promise<UploadOutcome> {
    const { objectKey, tenantId, idempotencyKey } = batch;
    const batchId = batchIdOfUuid(batch.batchUuid);
    try {
      await store.put(objectKey, bytes);
    } catch (error) {
      log.error({ batchId, err: error }, "upload.not_stored");
      return refuse(failures.objectStoreUnavailable);
    }
    const recording = await recordUpload(db, batch, actor);
    if (recording.kind === "recorded") {
      deps.wakeOutbox();
      log.info({ batchId, tenantId, totalLeads: batch.totalLeads }, "batch.accepted");
      return { kind: "accepted", answer: answerOf(batch) };
    }
    if (recording.kind === "key_taken") {
      await discard(objectKey);
      return (await findReplay({ actor, idempotencyKey, bytes })) ?? refuse(keyReused);
    }
    log.error({ batchId, err: recording.error }, "upload.not_recorded");
    if (recording.isUndone) await discard(objectKey);
    return refuse(failures.databaseUnavailable);
  }

  async function findReplay(upload: Omit<Upload, "filename">): Promise<UploadOutcome | undefined> {
    const { actor, idempotencyKey, bytes } = upload;
    if (idempotencyKey === null) return undefined;
    const first = await inTenant(db, actor.tenantId, (trx) =>
      findUploadByKey(trx, actor.tenantId, idempotencyKey),
    );
    if (first === undefined) return undefined;
    const isSameFile = first.contentSha256.equals(sha256(bytes));
    return isSameFile ? { kind: "replayed", answer: answerOf(first) } : refuse(keyReused);
  }

  /** Best effort: a file that stays behind costs space, nothing else. */
  async function discard(objectKey: string): Promise<void> {
    await store.delete(objectKey).catch((error: unknown) => {
      log.warn({ err: error }, "upload.file_left_behind");
    });
  }

  return async function acceptUpload(upload: Upload, now: Date): Promise<UploadOutcome> {
    const replay = await findReplay(upload);
    if (replay !== undefined) return replay;
    const { actor, bytes } = upload;
    const reading = readLeadFile(bytes, { maxRows: deps.leadsMax });
    if (reading.kind === "accepted") {
      return acceptNew(newBatchOf(upload, reading.file, now, deps.webhookDelayMs), upload);
    }
    const { code, httpStatus, message } = reading.problem;
    log.info({ tenantId: actor.tenantId, code }, "upload.refused");
    return refuse({ status: httpStatus, code, detail: message });
  };
}

export type AcceptUpload = ReturnType<typeof createAcceptUpload>;

function answerOf(upload: StoredUpload): UploadAccepted {
  return {
    batch_id: batchIdOfUuid(upload.batchUuid),
    status: "pending",
    filename: upload.filename,
    total_leads: upload.totalLeads,
    warnings: [...upload.warnings],
  };
}

function newBatchOf(upload: Upload, file: LeadFile, now: Date, webhookDelayMs: number): NewBatch {
  const { filename, bytes, idempotencyKey } = upload;
  const { tenantId } = upload.actor;
  const batchUuid = batchUuidOf(now, randomBytes(BATCH_RANDOM_BYTE_COUNT));
  return {
    batchUuid,
    tenantId,
    filename,
    objectKey: `uploads/${tenantId}/${batchUuid}.csv`,
    byteCount: bytes.length,
    contentSha256: sha256(bytes),
    encoding: file.dialect.encoding,
    delimiter: file.dialect.delimiter,
    totalLeads: file.rows.length,
    warnings: file.warnings,
    asOf: isoDateInLondon(now),
    webhookDelayMs,
    idempotencyKey,
  };
}

function isoDateInLondon(instant: Date): string {
  const { year, month, day } = londonDateOf(instant);
  return [year, String(month).padStart(2, "0"), String(day).padStart(2, "0")].join("-");
}

function refuse(failure: Failure): UploadOutcome {
  return { kind: "refused", failure };
}

function sha256(bytes: Buffer): Buffer {
  return hash("sha256", bytes, "buffer");
}
