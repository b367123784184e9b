import type { Database } from "@valify/database";
import { sql, type Transaction } from "kysely";

/** Every insert gives way to one that is there: replicas may all start at once. */
export async function ensureTenant(
  trx: Transaction<Database>,
  tenantId: string,
  name: string,
): Promise<void> {
  await trx
    .insertInto("ingest.tenants")
    .values({ tenant_id: tenantId, name })
    .onConflict((conflict) => conflict.column("tenant_id").doNothing())
    .execute();
}

/** A key that was revoked since stays revoked. */
export async function ensureApiKey(
  trx: Transaction<Database>,
  key: { readonly tenantId: string; readonly name: string; readonly keyHash: Buffer },
): Promise<void> {
  await trx
    .insertInto("ingest.api_keys")
    .values({ tenant_id: key.tenantId, name: key.name, key_hash: key.keyHash, revoked_at: null })
    .onConflict((conflict) => conflict.column("key_hash").doNothing())
    .execute();
}

/**
 * The partial unique index endpoints_one_default finds the row. Only changed settings change it: a
 * restart must not undo a rotation or an address that somebody set through the API since.
 */
export async function putDefaultEndpoint(
  trx: Transaction<Database>,
  endpoint: {
    readonly tenantId: string;
    readonly url: string;
    readonly sealedSecret: Buffer;
    readonly settingsHash: Buffer;
  },
): Promise<void> {
  const { tenantId, url, sealedSecret, settingsHash } = endpoint;
  await sql`
    insert into ingest.endpoints as e
      (tenant_id, url, description, secret_encrypted, is_default, settings_hash)
    values (${tenantId}, ${url}, 'From WEBHOOK_URL', ${sealedSecret}, true, ${settingsHash})
    on conflict (tenant_id) where is_default do update
      set url = excluded.url, secret_encrypted = excluded.secret_encrypted, public_key = null,
        settings_hash = excluded.settings_hash, updated_at = now()
      where e.settings_hash is distinct from excluded.settings_hash
  `.execute(trx);
}
