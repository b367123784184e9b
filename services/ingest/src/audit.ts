import type { Database } from "@valify/database";
import type { Transaction } from "kysely";

/** Who did something. */
export interface Actor {
  readonly tenantId: string;
  readonly kind: "user" | "api_key" | "system";
  readonly id: string | null;
  readonly ip: string | null;
}

type AuditDetail = string | number | boolean | null | readonly string[];

export interface AuditEntry {
  /** Object and past tense, as `batch.cancelled`. */
  readonly action: `${string}.${string}`;
  readonly objectKind: string;
  readonly objectId: string | null;
  /** Ids, counts and names of settings; never a lead, a secret or an e-mail address. */
  readonly details?: Readonly<Record<string, AuditDetail | undefined>>;
}

/**
 * Appends to the tenant's audit log, in the transaction of what it tells. Call it last: entries of
 * one tenant are chained, so another's waits until this transaction ends.
 */
export async function recordAudit(
  trx: Transaction<Database>,
  { tenantId, kind, id, ip }: Actor,
  { action, objectKind, objectId, details = {} }: AuditEntry,
): Promise<void> {
  await trx
    .insertInto("ingest.audit_log")
    .values({
      tenant_id: tenantId,
      actor_kind: kind,
      actor_id: id,
      ip,
      action,
      object_kind: objectKind,
      object_id: objectId,
      details: JSON.stringify(details),
    })
    .execute();
}
