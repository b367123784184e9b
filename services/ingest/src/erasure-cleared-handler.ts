import { type ErasureCleared, leadErased, uuidOfBatchId } from "@valify/contracts";
import { addToOutbox, type Database } from "@valify/database";
import type { ObjectStore } from "@valify/runtime";
import type { Kysely } from "kysely";

import { recordAudit } from "./audit.ts";
import {
  findUploadKeys,
  markCleared,
  markCompleted,
  markUploadsErased,
  type StoredErasure,
} from "./erasure-queries.ts";
import { inTenant, readInTenant } from "./tenant-scope.ts";

export interface ErasureClearedDeps {
  readonly db: Kysely<Database>;
  readonly store: Pick<ObjectStore, "delete">;
  readonly wakeOutbox: () => void;
  readonly now: () => Date;
}

/**
 * Counts the services in. When the last one is done the uploads go: their batches have ended, and
 * nobody reads them any more. Then the erasure is complete, and other teams hear of it.
 */
export function createErasureClearedHandler(deps: ErasureClearedDeps) {
  const { db, wakeOutbox, now } = deps;

  return async function handleErasureCleared(event: ErasureCleared): Promise<void> {
    const { erasure_id: erasureId, tenant_id: tenantId, attempt, service } = event;
    const cleared = { erasureId, attempt, service, at: new Date(event.cleared_at) };
    const erasure = await inTenant(db, tenantId, (trx) => markCleared(trx, cleared));
    if (erasure === undefined || erasure.completed_at !== null) return;
    const { validator_at, scheduler_at, dispatcher_at } = erasure;
    if (validator_at === null || scheduler_at === null || dispatcher_at === null) return;
    await complete(deps, erasure, now());
    wakeOutbox();
  };
}

/** The files first, then the mark: a crash in between deletes once more what is gone. */
async function complete(
  { db, store }: ErasureClearedDeps,
  { erasure_id, tenant_id, leads }: StoredErasure,
  at: Date,
): Promise<void> {
  const batchUuids = [...new Set(leads.map(({ batch_id }) => uuidOfBatchId(batch_id)))];
  const keys = await readInTenant(db, tenant_id, (trx) =>
    findUploadKeys(trx, tenant_id, batchUuids),
  );
  for (const key of keys) await store.delete(key);
  await inTenant(db, tenant_id, async (trx) => {
    if (!(await markCompleted(trx, erasure_id, at))) return;
    await markUploadsErased(trx, tenant_id, batchUuids);
    const erased_at = at.toISOString();
    for (const { lead_uuid, batch_id } of leads) {
      const event = { lead_uuid, batch_id, tenant_id, erasure_id, erased_at };
      await addToOutbox(trx, leadErased.subject, event);
    }
    const actor = { tenantId: tenant_id, kind: "system", id: null, ip: null } as const;
    const object = { objectKind: "erasure", objectId: erasure_id };
    await recordAudit(trx, actor, { action: "erasure.completed", ...object });
  });
}
