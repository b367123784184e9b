import type { Database } from "@valify/database";
import { type Kysely, sql } from "kysely";

export interface StoredAuditEntry {
  readonly sequence: number;
  readonly at: Date;
  readonly actorKind: "user" | "api_key" | "system";
  readonly actorId: string | null;
  readonly ip: string | null;
  readonly action: string;
  readonly objectKind: string;
  readonly objectId: string | null;
  readonly details: Record<string, unknown>;
  readonly hash: Buffer;
}

/** Newest first, along the primary key. `before` undefined begins at the newest. */
export async function listAuditEntries(
  db: Kysely<Database>,
  listing: {
    readonly tenantId: string;
    readonly before: number | undefined;
    readonly limit: number;
  },
): Promise<readonly StoredAuditEntry[]> {
  const { tenantId, before, limit } = listing;
  const isBefore = before === undefined ? sql`true` : sql`sequence < ${before}`;
  const { rows } = await sql<StoredAuditEntry>`
    select sequence, at, actor_kind as "actorKind", actor_id as "actorId", host(ip) as ip, action,
      object_kind as "objectKind", object_id as "objectId", details, hash
    from ingest.audit_log where tenant_id = ${tenantId} and ${isBefore}
    order by sequence desc limit ${limit}`.execute(db);
  return rows;
}

export interface AuditCheck {
  readonly entryCount: number;
  readonly brokenAt: number | null;
}

/** Hashes every entry of the tenant again, in order: some 100,000 a second. */
export async function verifyAuditChain(
  db: Kysely<Database>,
  tenantId: string,
): Promise<AuditCheck> {
  const { rows } = await sql<AuditCheck>`
    select count(*) as "entryCount",
      min(sequence) filter (where is_changed or is_torn or is_missing) as "brokenAt"
    from (
      select a.sequence, a.hash <> ingest.hash_of_audit_entry(a) as is_changed,
        a.previous_hash is distinct from coalesce(lag(a.hash) over w, '\\x') as is_torn,
        a.sequence <> row_number() over w as is_missing
      from ingest.audit_log as a where tenant_id = ${tenantId}
      window w as (order by sequence)) as checked`.execute(db);
  if (rows[0] === undefined) throw new Error("an aggregate returned no row");
  return rows[0];
}
