import { batchIdOfUuid } from "@valify/contracts";
import type { RuleProfile } from "@valify/contracts/api";
import type { Database, LeadHash } from "@valify/database";
import { type LeadFile, londonDateOf } from "@valify/lead-file";
import type { Kysely } from "kysely";

import { type FileJudgement, judgeFile } from "./judge-file.ts";
import { findKnownLeads } from "./known-lead-queries.ts";
import { answerOf, contentHashOf, rowsHashOf } from "./new-batch.ts";
import { previewOf } from "./preview-upload.ts";
import type { Failure } from "./problem.ts";
import { currentProfile } from "./rule-profile.ts";
import { readInTenant } from "./tenant-scope.ts";
import { isSameBatchOptions } from "./upload-options.ts";
import { refuse, type Upload, type UploadOutcome } from "./upload-outcome.ts";
import { findUploadByHash, findUploadByKey, type StoredUpload } from "./upload-queries.ts";
import { duplicateOf, keyReused, notAllValid } from "./upload-refusals.ts";
import { judgeWholeFile } from "./whole-file-rules.ts";

interface ExamineDeps {
  readonly db: Kysely<Database>;
  readonly leadHash: LeadHash;
}

/** What is to be said about an upload before anything of it is stored. */
export function createUploadExaminer(deps: ExamineDeps) {
  const { db } = deps;

  async function findReplay(upload: Upload): Promise<UploadOutcome | undefined> {
    const { actor, idempotencyKey, bytes, options } = upload;
    if (idempotencyKey === null) return undefined;
    const first = await readInTenant(db, actor.tenantId, (trx) =>
      findUploadByKey(trx, actor.tenantId, idempotencyKey),
    );
    if (first === undefined) return undefined;
    const isSame =
      first.contentSha256.equals(contentHashOf(bytes)) &&
      isSameBatchOptions(first.options, options.batch);
    return isSame ? { kind: "replayed", answer: answerOf(first) } : refuse(keyReused);
  }

  /** Null: nothing is known against it. Asked before the file is stored, and at last when recorded. */
  async function findObjection(upload: Upload, file: LeadFile, now: Date): Promise<Failure | null> {
    const { mode, on_duplicate: onDuplicate } = upload.options.batch;
    if (onDuplicate === "refuse") {
      const duplicate = await findDuplicate(db, upload);
      if (duplicate !== undefined) return duplicateOf(duplicate);
    }
    if (mode !== "all_or_nothing") return null;
    return notAllValid(
      await judge(deps, upload, file, { profile: await profileOf(db, upload), now }),
    );
  }

  async function preview(upload: Upload, file: LeadFile, now: Date): Promise<UploadOutcome> {
    return { kind: "previewed", answer: await previewUpload(deps, upload, file, now) };
  }

  return { findReplay, preview, findObjection };
}

/** In the order in which an upload would meet them: the first refusal is the one it would get. */
async function previewUpload(deps: ExamineDeps, upload: Upload, file: LeadFile, now: Date) {
  const { db } = deps;
  const { actor, filename } = upload;
  const { tenantId } = actor;
  const options = upload.options.batch;
  const profile = await profileOf(db, upload);
  const duplicate = await findDuplicate(db, upload);
  const judgement = await judge(deps, upload, file, { profile, now });
  const wholeFile = { warnings: file.warnings, tenantId, rowsSha256: rowsHashOf(file), options };
  const whole = await readInTenant(db, tenantId, (trx) => judgeWholeFile(trx, wholeFile, profile));
  const duplicateRefusal =
    duplicate && options.on_duplicate === "refuse" ? duplicateOf(duplicate) : null;
  const rowsRefusal = options.mode === "all_or_nothing" ? notAllValid(judgement) : null;
  const facts = {
    filename,
    duplicateOf: duplicate === undefined ? null : batchIdOfUuid(duplicate.batchUuid),
    warnings: whole.warnings,
    refusal: duplicateRefusal ?? rowsRefusal ?? whole.refusal,
  };
  return previewOf(facts, file, judgement);
}

async function findDuplicate(
  db: Kysely<Database>,
  { actor: { tenantId }, bytes }: Upload,
): Promise<StoredUpload | undefined> {
  return readInTenant(db, tenantId, (trx) =>
    findUploadByHash(trx, tenantId, "content_sha256", contentHashOf(bytes)),
  );
}

async function profileOf(db: Kysely<Database>, { actor: { tenantId } }: Upload) {
  return (await readInTenant(db, tenantId, (trx) => currentProfile(trx, tenantId))).profile;
}

async function judge(
  { db, leadHash }: ExamineDeps,
  { actor: { tenantId } }: Upload,
  file: LeadFile,
  { profile, now }: { readonly profile: RuleProfile; readonly now: Date },
): Promise<FileJudgement> {
  const windowDays = profile.duplicate_window_days;
  return judgeFile(file, {
    profile,
    asOf: londonDateOf(now),
    findKnown: (leadIds) =>
      readInTenant(db, tenantId, (trx) =>
        findKnownLeads(trx, { tenantId, leadIds, windowDays, leadHash }),
      ),
  });
}
