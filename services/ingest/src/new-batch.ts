import { hash, randomBytes } from "node:crypto";

import { batchIdOfUuid } from "@valify/contracts";
import type { BatchOptions, UploadAccepted } from "@valify/contracts/api";
import { canonicalRows, type LeadFile, londonDateOf } from "@valify/lead-file";

import { BATCH_RANDOM_BYTE_COUNT, batchUuidOf } from "./domain/batch-uuid.ts";
import type { NewBatch, StoredUpload } from "./upload-queries.ts";

export interface UploadedFile {
  readonly tenantId: string;
  readonly filename: string;
  readonly bytes: Buffer;
  readonly idempotencyKey: string | null;
  readonly options: BatchOptions;
}

/** The batch that a file becomes; nothing is stored yet. */
export function newBatchOf(
  upload: UploadedFile,
  file: LeadFile,
  now: Date,
  webhookDelayMs: number,
): NewBatch {
  const { tenantId, filename, bytes, idempotencyKey, options } = upload;
  const batchUuid = batchUuidOf(now, randomBytes(BATCH_RANDOM_BYTE_COUNT));
  return {
    batchUuid,
    tenantId,
    filename,
    objectKey: `uploads/${tenantId}/${batchUuid}.csv`,
    byteCount: bytes.length,
    contentSha256: contentHashOf(bytes),
    rowsSha256: rowsHashOf(file),
    encoding: file.dialect.encoding,
    delimiter: file.dialect.delimiter,
    totalLeads: file.rows.length,
    warnings: file.warnings,
    asOf: isoDateInLondon(now),
    webhookDelayMs,
    idempotencyKey,
    options,
  };
}

/** What a caller is told, at first and whenever the same key comes again. */
export function answerOf(
  upload: Pick<StoredUpload, "batchUuid" | "filename" | "totalLeads" | "warnings">,
): UploadAccepted {
  return {
    batch_id: batchIdOfUuid(upload.batchUuid),
    status: "pending",
    filename: upload.filename,
    total_leads: upload.totalLeads,
    warnings: [...upload.warnings],
  };
}

/** Of the leads alone, however they are written. */
export function rowsHashOf(file: LeadFile): Buffer {
  return hash("sha256", canonicalRows(file), "buffer");
}

export function contentHashOf(bytes: Buffer): Buffer {
  return hash("sha256", bytes, "buffer");
}

function isoDateInLondon(instant: Date): string {
  const { year, month, day } = londonDateOf(instant);
  return [year, String(month).padStart(2, "0"), String(day).padStart(2, "0")].join("-");
}
