import { batchIdOfUuid } from "@valify/contracts";
import type { Database } from "@valify/database";
import { type LeadFile, londonDateOf } from "@valify/lead-file";
import type { Kysely } from "kysely";

import { judgeFile } from "./judge-file.ts";
import { answerOf, contentHashOf } from "./new-batch.ts";
import { previewOf } from "./preview-upload.ts";
import type { Failure } from "./problem.ts";
import { currentProfile } from "./rule-profile.ts";
import { inTenant } from "./tenant-scope.ts";
import { isSameBatchOptions } from "./upload-options.ts";
import { refuse, type Upload, type UploadOutcome } from "./upload-outcome.ts";
import { findUploadByHash, findUploadByKey, type StoredUpload } from "./upload-queries.ts";
import { duplicateOf, keyReused, notAllValid } from "./upload-refusals.ts";

/** What is to be said about an upload before anything of it is stored. */
export function createUploadExaminer(db: Kysely<Database>) {
  async function findReplay(upload: Upload): Promise<UploadOutcome | undefined> {
    const { actor, idempotencyKey, bytes, options } = upload;
    if (idempotencyKey === null) return undefined;
    const first = await inTenant(db, actor.tenantId, (trx) =>
      findUploadByKey(trx, actor.tenantId, idempotencyKey),
    );
    if (first === undefined) return undefined;
    const isSame =
      first.contentSha256.equals(contentHashOf(bytes)) &&
      isSameBatchOptions(first.options, options.batch);
    return isSame ? { kind: "replayed", answer: answerOf(first) } : refuse(keyReused);
  }

  async function findDuplicate({ actor, bytes }: Upload): Promise<StoredUpload | undefined> {
    const { tenantId } = actor;
    return inTenant(db, tenantId, (trx) =>
      findUploadByHash(trx, tenantId, "content_sha256", contentHashOf(bytes)),
    );
  }

  async function judge({ actor }: Upload, file: LeadFile, now: Date) {
    const { tenantId } = actor;
    const { profile } = await inTenant(db, tenantId, (trx) => currentProfile(trx, tenantId));
    return judgeFile(file, profile, londonDateOf(now));
  }

  async function preview(upload: Upload, file: LeadFile, now: Date): Promise<UploadOutcome> {
    const duplicate = await findDuplicate(upload);
    const duplicateId = duplicate === undefined ? null : batchIdOfUuid(duplicate.batchUuid);
    const { filename } = upload;
    const judgement = await judge(upload, file, now);
    return {
      kind: "previewed",
      answer: previewOf({ filename, duplicateOf: duplicateId }, file, judgement),
    };
  }

  /** Null: nothing is known against it. Asked before the file is stored, and at last when recorded. */
  async function findObjection(upload: Upload, file: LeadFile, now: Date): Promise<Failure | null> {
    const { mode, on_duplicate: onDuplicate } = upload.options.batch;
    if (onDuplicate === "refuse") {
      const duplicate = await findDuplicate(upload);
      if (duplicate !== undefined) return duplicateOf(duplicate);
    }
    return mode === "all_or_nothing" ? notAllValid(await judge(upload, file, now)) : null;
  }

  return { findReplay, preview, findObjection };
}
