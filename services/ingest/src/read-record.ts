import type { Database } from "@valify/database";
import type { Kysely } from "kysely";

import { type Actor, type AuditEntry, recordAudit } from "./audit.ts";
import { createToldLately } from "./domain/told-lately.ts";
import { inTenant } from "./tenant-scope.ts";

export type RecordRead = (actor: Actor, entry: Omit<AuditEntry, "details">) => Promise<void>;

/**
 * Puts on record that somebody is shown personal data. Await it before the answer: what cannot be
 * recorded is not shown. Who pages or polls is told once an hour by each process, since the entries
 * of a tenant are chained, one waiting for the other.
 */
export function createReadRecord(db: Kysely<Database>): RecordRead {
  const told = createToldLately(() => performance.now());
  return async function recordRead(actor, entry) {
    const key = JSON.stringify([actor, entry]);
    if (told.has(key)) return;
    await inTenant(db, actor.tenantId, (trx) => recordAudit(trx, actor, entry));
    told.add(key);
  };
}
