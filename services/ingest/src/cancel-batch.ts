import { batchCancelled, type BatchCancelled, batchIdOfUuid } from "@valify/contracts";
import { addToOutbox, type Database } from "@valify/database";
import type { Kysely } from "kysely";

import { lockForCancel, markCancelled } from "./batch-queries.ts";

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
  tenantId: string,
  batchUuid: string,
): Promise<Cancellation> {
  return db.transaction().execute(async (trx): Promise<Cancellation> => {
    const target = await lockForCancel(trx, tenantId, batchUuid);
    if (target === undefined) return { kind: "not_found" };
    if (target.cancelledAt !== null) return { kind: "cancelled" };
    if (target.runStatus === "failed") return { kind: "failed" };
    const cancelledAt = await markCancelled(trx, batchUuid);
    const event: BatchCancelled = {
      batch_id: batchIdOfUuid(batchUuid),
      tenant_id: tenantId,
      cancelled_at: cancelledAt.toISOString(),
    };
    await addToOutbox(trx, batchCancelled.subject, event);
    return { kind: "cancelled" };
  });
}
