import { batchIdOfUuid, batchUploaded, type BatchUploaded } from "@valify/contracts";
import { addToOutbox, type Database } from "@valify/database";
import type { Kysely } from "kysely";

import { type Actor, type AuditEntry, recordAudit } from "./audit.ts";
import { currentProfile } from "./rule-profile.ts";
import { inTenant } from "./tenant-scope.ts";
import { insertBatch, type NewBatch, type RulesSnapshot } from "./upload-queries.ts";

export type Recording =
  | { readonly kind: "recorded" }
  /** Somebody else's upload with the same idempotency key was faster. */
  | { readonly kind: "key_taken" }
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
      const rules = await currentProfile(trx, batch.tenantId);
      const inserted = await insertBatch(trx, batch, rules);
      if (inserted === undefined) return { kind: "key_taken" };
      await addToOutbox(trx, batchUploaded.subject, eventOf(batch, rules, inserted.createdAt));
      await recordAudit(trx, actor, entryOf(batch));
      isCommitting = true;
      return { kind: "recorded" };
    });
  } catch (error) {
    return { kind: "failed", error, isUndone: !isCommitting };
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
    uploaded_at: createdAt.toISOString(),
  };
}
