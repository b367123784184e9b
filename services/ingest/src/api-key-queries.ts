import type { Database } from "@valify/database";
import { type Kysely, sql, type Transaction } from "kysely";

export interface StoredApiKey {
  readonly apiKeyId: string;
  readonly name: string;
  readonly hint: string;
  readonly scopes: readonly string[];
  readonly createdAt: Date;
  readonly lastUsedAt: Date | null;
  readonly revokedAt: Date | null;
}

const API_KEY = sql`
  api_key_id as "apiKeyId", name, hint, scopes, created_at as "createdAt",
  last_used_at as "lastUsedAt", revoked_at as "revokedAt"`;

export async function listApiKeys(
  db: Kysely<Database>,
  listing: {
    readonly tenantId: string;
    readonly after: string | undefined;
    readonly limit: number;
  },
): Promise<readonly StoredApiKey[]> {
  const { tenantId, after, limit } = listing;
  const isAfter = after === undefined ? sql`true` : sql`api_key_id > ${after}::uuid`;
  const { rows } = await sql<StoredApiKey>`
    select ${API_KEY} from ingest.api_keys where tenant_id = ${tenantId} and ${isAfter}
    order by api_key_id limit ${limit}`.execute(db);
  return rows;
}

export interface NewApiKey {
  readonly tenantId: string;
  readonly name: string;
  readonly hint: string;
  readonly scopes: readonly string[];
  readonly keyHash: Buffer;
}

export async function insertApiKey(
  trx: Transaction<Database>,
  { tenantId, name, hint, scopes, keyHash }: NewApiKey,
): Promise<StoredApiKey> {
  const { rows } = await sql<StoredApiKey>`
    insert into ingest.api_keys (tenant_id, name, hint, scopes, key_hash)
    values (${tenantId}, ${name}, ${hint}, ${scopes}, ${keyHash}) returning ${API_KEY}`.execute(
    trx,
  );
  if (rows[0] === undefined) throw new Error("an insert returned no row");
  return rows[0];
}

/** Its sessions end with it. False: there is no such key, or it was revoked before. */
export async function revokeApiKey(
  trx: Transaction<Database>,
  tenantId: string,
  apiKeyId: string,
): Promise<boolean> {
  const { numAffectedRows = 0n } = await sql`
    update ingest.api_keys set revoked_at = now()
    where tenant_id = ${tenantId} and api_key_id = ${apiKeyId}
      and revoked_at is null`.execute(trx);
  return numAffectedRows > 0n;
}
