import { batchCancelled, type BatchCancelled, batchIdOfUuid } from "@valify/contracts";
import { addToOutbox, type Database } from "@valify/database";
import type { Kysely } from "kysely";

import { type Actor, recordAudit } from "./audit.ts";
import { lockForCancel, markCancelled } from "./batch-queries.ts";
import { inTenant } from "./tenant-scope.ts";
import { settleUsage } from "./usage-ledger.ts";

export type Cancellation =
  | { readonly kind: "cancelled" }
  | { readonly kind: "not_found" }
  /** The batch failed: there is nothing left to stop. */
  | { readonly kind: "failed" };

/**
 * Marks the batch and tells the other services, in one transaction. A repeat changes nothing and
 * tells nobody. A completed batch can still be cancelled: its unsent webhooks are dropped.
 */
export async function cancelBatch(
  db: Kysely<Database>,
  actor: Actor,
  batchUuid: string,
): Promise<Cancellation> {
  const { tenantId } = actor;
  return inTenant(db, tenantId, async (trx): Promise<Cancellation> => {
    const target = await lockForCancel(trx, tenantId, batchUuid);
    if (target === undefined) return { kind: "not_found" };
    if (target.cancelledAt !== null) return { kind: "cancelled" };
    if (target.runStatus === "failed") return { kind: "failed" };
    const cancelledAt = await markCancelled(trx, batchUuid);
    // What was validated before the customer changed their mind was still validated for them.
    await settleUsage(trx, batchUuid, target.runStatus === "completed" ? target.validatedLeads : 0);
    const event: BatchCancelled = {
      batch_id: batchIdOfUuid(batchUuid),
      tenant_id: tenantId,
      cancelled_at: cancelledAt.toISOString(),
    };
    await addToOutbox(trx, batchCancelled.subject, event);
    const object = { objectKind: "batch", objectId: event.batch_id };
    await recordAudit(trx, actor, { action: "batch.cancelled", ...object });
    return { kind: "cancelled" };
  });
}
