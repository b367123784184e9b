import type { Role } from "@valify/contracts/api";
import type { Database } from "@valify/database";
import { type Kysely, sql, type Transaction } from "kysely";

/** A session whose person does nothing for this long has ended. */
export const IDLE_MAX_MS = 30 * 60_000;
/** How old "last used" and "last seen" may be: a write per request would cost more than it tells. */
const KEY_STALE_AFTER_MS = 5 * 60_000;
const SESSION_STALE_AFTER_MS = 60_000;

export interface FoundKey {
  readonly tenantId: string;
  readonly apiKeyId: string;
  readonly scopes: readonly string[];
  /** Whether `markKeyUsed` is due. */
  readonly isStale: boolean;
}

/** Along the unique index of key_hash. A revoked key is as good as unknown. */
export async function findApiKey(
  db: Kysely<Database>,
  keyHash: Buffer,
): Promise<FoundKey | undefined> {
  const { rows } = await sql<FoundKey>`
    select tenant_id as "tenantId", api_key_id as "apiKeyId", scopes, is_stale as "isStale"
    from ingest.find_api_key(${keyHash}, ${milliseconds(KEY_STALE_AFTER_MS)})`.execute(db);
  return rows[0];
}

export type FoundSession = {
  readonly tenantId: string;
  readonly sessionId: string;
  readonly isStale: boolean;
} & (
  | { readonly apiKeyId: string; readonly scopes: readonly string[]; readonly userId: null }
  | { readonly apiKeyId: null; readonly userId: string; readonly role: Role }
);

/** Along the primary key. A session ends with its key and with its person. */
export async function findSession(
  db: Kysely<Database>,
  sessionHash: Buffer,
): Promise<FoundSession | undefined> {
  const { rows } = await sql<FoundSession>`
    select tenant_id as "tenantId", session_id as "sessionId", api_key_id as "apiKeyId", scopes,
      user_id as "userId", role, is_stale as "isStale"
    from ingest.find_session(${sessionHash}, ${milliseconds(IDLE_MAX_MS)},
      ${milliseconds(SESSION_STALE_AFTER_MS)})`.execute(db);
  return rows[0];
}

/** Several requests at once may find it stale; the first writes. */
export async function markKeyUsed(trx: Transaction<Database>, apiKeyId: string): Promise<void> {
  await sql`
    update ingest.api_keys set last_used_at = now() where api_key_id = ${apiKeyId}
      and coalesce(last_used_at < now() - ${milliseconds(KEY_STALE_AFTER_MS)}, true)`.execute(trx);
}

export async function markSessionSeen(
  trx: Transaction<Database>,
  sessionId: string,
): Promise<void> {
  await sql`
    update ingest.sessions set last_seen_at = now() where session_id = ${sessionId}
      and last_seen_at < now() - ${milliseconds(SESSION_STALE_AFTER_MS)}`.execute(trx);
}

export interface NewSession {
  readonly sessionHash: Buffer;
  readonly tenantId: string;
  readonly apiKeyId: string | null;
  readonly userId: string | null;
  /** Counts by the database clock, which also judges the end. */
  readonly durationMs: number;
}

export async function insertSession(trx: Transaction<Database>, session: NewSession) {
  const { sessionHash, tenantId, apiKeyId, userId, durationMs } = session;
  const { rows } = await sql<{ sessionId: string }>`
    insert into ingest.sessions (session_hash, tenant_id, api_key_id, user_id, expires_at)
    values (${sessionHash}, ${tenantId}, ${apiKeyId}, ${userId}, now() + ${milliseconds(durationMs)})
    returning session_id as "sessionId"`.execute(trx);
  if (rows[0] === undefined) throw new Error("an insert returned no row");
  return rows[0];
}

export async function deleteSession(
  trx: Transaction<Database>,
  sessionHash: Buffer,
): Promise<void> {
  await trx.deleteFrom("ingest.sessions").where("session_hash", "=", sessionHash).execute();
}

/** Few rows, once an hour: a scan. Returns how many there were. */
export async function deleteExpiredSessions(trx: Transaction<Database>): Promise<number> {
  const result = await trx
    .deleteFrom("ingest.sessions")
    .where(sql<boolean>`expires_at < now() or last_seen_at < now() - ${milliseconds(IDLE_MAX_MS)}`)
    .executeTakeFirst();
  return Number(result.numDeletedRows);
}

function milliseconds(duration: number) {
  return sql`${duration} * interval '1 millisecond'`;
}
