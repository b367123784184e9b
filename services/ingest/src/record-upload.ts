import { batchIdOfUuid, batchUploaded, type BatchUploaded } from "@valify/contracts";
import { addToOutbox, type Database } from "@valify/database";
import type { Kysely, Transaction } from "kysely";

import { type Actor, type AuditEntry, recordAudit } from "./audit.ts";
import { checkLimits } from "./check-limits.ts";
import type { LimitExceeded } from "./domain/tenant-limits.ts";
import type { Failure } from "./problem.ts";
import { currentProfile } from "./rule-profile.ts";
import { inTenant } from "./tenant-scope.ts";
import {
  findUploadByHash,
  findUploadByKey,
  insertBatch,
  lockContent,
  type NewBatch,
  type RulesSnapshot,
  type StoredUpload,
} from "./upload-queries.ts";
import { reserveLeads } from "./usage-ledger.ts";
import { judgeWholeFile, lockRows } from "./whole-file-rules.ts";

export type Recording =
  /** With what is to be remarked about the file, as the tenant's rules have it. */
  | { readonly kind: "recorded"; readonly warnings: NewBatch["warnings"] }
  /** The rules refuse the file as a whole. */
  | { readonly kind: "objected"; readonly failure: Failure }
  /** Somebody else's upload with the same idempotency key was faster. */
  | { readonly kind: "key_taken" }
  /** The same bytes were recorded meanwhile, or since somebody looked. */
  | { readonly kind: "duplicate"; readonly of: StoredUpload }
  | { readonly kind: "limited"; readonly failure: LimitExceeded }
  | {
      readonly kind: "failed";
      readonly error: unknown;
      /**
       * False where the connection broke during COMMIT: then nobody can say whether the batch is
       * there, and its file has to stay.
       */
      readonly isUndone: boolean;
    };

/** The batch and the word to the validator: one transaction, both or neither. */
export async function recordUpload(
  db: Kysely<Database>,
  batch: NewBatch,
  actor: Actor,
): Promise<Recording> {
  let isCommitting = false;
  try {
    return await inTenant(db, batch.tenantId, async (trx): Promise<Recording> => {
      const first = await findFirst(trx, batch);
      if (first !== undefined) return first;
      const rules = await currentProfile(trx, batch.tenantId);
      await lockRows(trx, batch, rules.profile);
      const { warnings, refusal } = await judgeWholeFile(trx, batch, rules.profile);
      if (refusal !== null) return { kind: "objected", failure: refusal };
      const inserted = await insertBatch(trx, { ...batch, warnings }, rules);
      if (inserted === undefined) return { kind: "key_taken" };
      await reserveLeads(trx, batch);
      const limit = await checkLimits(trx, batch.tenantId, inserted.createdAt);
      if (limit !== null) throw new OverLimit(limit);
      await addToOutbox(trx, batchUploaded.subject, eventOf(batch, rules, inserted.createdAt));
      await recordAudit(trx, actor, entryOf(batch));
      isCommitting = true;
      return { kind: "recorded", warnings };
    });
  } catch (error) {
    if (error instanceof OverLimit) return { kind: "limited", failure: error.limit };
    return { kind: "failed", error, isUndone: !isCommitting };
  }
}

/**
 * Undefined: record it. The lock comes first, so that of two uploads of the same bytes the second
 * sees the first, whether that is its own repeat under a key or a duplicate.
 */
async function findFirst(
  trx: Transaction<Database>,
  { tenantId, contentSha256, idempotencyKey, options }: NewBatch,
): Promise<Recording | undefined> {
  if (options.on_duplicate === "allow") return undefined;
  await lockContent(trx, tenantId, contentSha256);
  const ofKey = idempotencyKey && (await findUploadByKey(trx, tenantId, idempotencyKey));
  if (ofKey) return { kind: "key_taken" };
  const duplicate = await findUploadByHash(trx, tenantId, "content_sha256", contentSha256);
  return duplicate === undefined ? undefined : { kind: "duplicate", of: duplicate };
}

/** Thrown to undo the transaction, and never seen outside of this file. */
class OverLimit extends Error {
  readonly limit: LimitExceeded;

  constructor(limit: LimitExceeded) {
    super(limit.code);
    this.limit = limit;
  }
}

function entryOf({ batchUuid, totalLeads, byteCount }: NewBatch): AuditEntry {
  const object = { objectKind: "batch", objectId: batchIdOfUuid(batchUuid) };
  return { action: "batch.uploaded", ...object, details: { totalLeads, byteCount } };
}

function eventOf(batch: NewBatch, { profile }: RulesSnapshot, createdAt: Date): BatchUploaded {
  return {
    batch_id: batchIdOfUuid(batch.batchUuid),
    tenant_id: batch.tenantId,
    object_key: batch.objectKey,
    byte_count: batch.byteCount,
    total_leads: batch.totalLeads,
    as_of: batch.asOf,
    webhook_delay_ms: batch.webhookDelayMs,
    rule_profile: profile,
    ...(batch.options.priority === "normal" ? {} : { priority: batch.options.priority }),
    uploaded_at: createdAt.toISOString(),
  };
}
