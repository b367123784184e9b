import type { Database } from "@valify/database";
import { type Kysely, sql, type Transaction } from "kysely";

import { IDLE_MAX_MS } from "./access-queries.ts";

export interface StoredSession {
  readonly sessionId: string;
  readonly userId: string | null;
  readonly apiKeyId: string | null;
  readonly createdAt: Date;
  readonly lastSeenAt: Date;
  readonly expiresAt: Date;
}

export interface SessionListing {
  readonly tenantId: string;
  /** Undefined: of everybody in the tenant. */
  readonly ownerId: string | undefined;
  readonly after: string | undefined;
  readonly limit: number;
}

/** Those that are alive, by id. A tenant has tens. */
export async function listSessions(db: Kysely<Database>, listing: SessionListing) {
  const { tenantId, ownerId, after, limit } = listing;
  const isOwner =
    ownerId === undefined ? sql`true` : sql`coalesce(user_id, api_key_id) = ${ownerId}::uuid`;
  const isAfter = after === undefined ? sql`true` : sql`session_id > ${after}::uuid`;
  const { rows } = await sql<StoredSession>`
    select session_id as "sessionId", user_id as "userId", api_key_id as "apiKeyId",
      created_at as "createdAt", last_seen_at as "lastSeenAt", expires_at as "expiresAt"
    from ingest.sessions
    where tenant_id = ${tenantId} and ${isOwner} and ${isAfter} and expires_at > now()
      and last_seen_at > now() - ${IDLE_MAX_MS} * interval '1 millisecond'
    order by session_id limit ${limit}`.execute(db);
  return rows;
}

/** `ownerId` undefined: whoever's it is. Along the unique index of session_id. */
export async function deleteSessionById(
  trx: Transaction<Database>,
  {
    tenantId,
    sessionId,
    ownerId,
  }: {
    readonly tenantId: string;
    readonly sessionId: string;
    readonly ownerId: string | undefined;
  },
): Promise<boolean> {
  const isOwner =
    ownerId === undefined ? sql`true` : sql`coalesce(user_id, api_key_id) = ${ownerId}::uuid`;
  const { numAffectedRows = 0n } = await sql`
    delete from ingest.sessions
    where tenant_id = ${tenantId} and session_id = ${sessionId} and ${isOwner}`.execute(trx);
  return numAffectedRows > 0n;
}

/** All sessions of a person but one. Along sessions_of_user. */
export async function deleteSessionsOfUser(
  trx: Transaction<Database>,
  {
    tenantId,
    userId,
    exceptId,
  }: {
    readonly tenantId: string;
    readonly userId: string;
    readonly exceptId: string | null;
  },
): Promise<void> {
  await sql`
    delete from ingest.sessions
    where tenant_id = ${tenantId} and user_id = ${userId}
      and session_id is distinct from ${exceptId}::uuid`.execute(trx);
}
