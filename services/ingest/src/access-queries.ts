import type { Database } from "@valify/database";
import { type Kysely, sql } from "kysely";

/** On whose behalf a request acts. */
export interface Identity {
  readonly tenantId: string;
  readonly apiKeyId: string;
}

/** Along the unique index of key_hash. A revoked key is as good as unknown. */
export async function findApiKey(db: Kysely<Database>, keyHash: Buffer) {
  return db
    .selectFrom("ingest.api_keys")
    .select(["tenant_id as tenantId", "api_key_id as apiKeyId"])
    .where("key_hash", "=", keyHash)
    .where("revoked_at", "is", null)
    .executeTakeFirst();
}

/** Along the primary key. A session ends with its key: revoking one signs its people out. */
export async function findSession(db: Kysely<Database>, sessionHash: Buffer) {
  return db
    .selectFrom("ingest.sessions as s")
    .innerJoin("ingest.api_keys as k", "k.api_key_id", "s.api_key_id")
    .select(["s.tenant_id as tenantId", "s.api_key_id as apiKeyId"])
    .where("s.session_hash", "=", sessionHash)
    .where("s.expires_at", ">", sql<Date>`now()`)
    .where("k.revoked_at", "is", null)
    .executeTakeFirst();
}

/** `durationMs` counts by the database clock, which also judges the end. */
export async function insertSession(
  db: Kysely<Database>,
  session: Identity & { readonly sessionHash: Buffer; readonly durationMs: number },
): Promise<void> {
  const { sessionHash, tenantId, apiKeyId, durationMs } = session;
  await sql`
    insert into ingest.sessions (session_hash, tenant_id, api_key_id, expires_at)
    values (${sessionHash}, ${tenantId}, ${apiKeyId},
            now() + ${durationMs} * interval '1 millisecond')`.execute(db);
}

export async function deleteSession(db: Kysely<Database>, sessionHash: Buffer): Promise<void> {
  await db.deleteFrom("ingest.sessions").where("session_hash", "=", sessionHash).execute();
}

/** Few rows, once an hour: a scan. Returns how many there were. */
export async function deleteExpiredSessions(db: Kysely<Database>): Promise<number> {
  const result = await db
    .deleteFrom("ingest.sessions")
    .where("expires_at", "<", sql<Date>`now()`)
    .executeTakeFirst();
  return Number(result.numDeletedRows);
}
