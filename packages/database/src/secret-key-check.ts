import { createHmac, hkdfSync } from "node:crypto";

import { type Kysely, sql } from "kysely";

import type { KeySchema } from "./schema-secret-key-check.ts";
import type { Database } from "./schema.ts";

const KEY_BYTES = 32;
/** Any fixed number. */
const KEY_LOCK = 7_205_006;

/** By what a key is known again. Its own derived key: it is no hash of a lead and opens nothing. */
export function secretKeyCheckOf(secretKey: string): Buffer {
  const key = hkdfSync("sha256", secretKey, "", "valify key check v1", KEY_BYTES);
  return createHmac("sha256", Buffer.from(key)).update("SECRET_KEY").digest();
}

/**
 * Whether `secretKey` is the one that every schema was written under; the first to ask decides, and
 * leaves its mark in its own schema. One at a time, or two services that start at once for the first
 * time, each with a key of its own, would not see each other. Where the answer is no nothing is written.
 */
export async function confirmSecretKey(
  db: Kysely<Database>,
  schema: KeySchema,
  secretKey: string,
): Promise<boolean> {
  const ours = secretKeyCheckOf(secretKey);
  const transaction = db.transaction().setIsolationLevel("read committed");
  return transaction.execute(async (trx) => {
    await sql`select pg_advisory_xact_lock(${KEY_LOCK})`.execute(trx);
    // A statement of its own: its snapshot is younger than the lock, so it sees the last mark.
    const { rows } = await sql<{ value: Buffer }>`
      select check_value as value from ingest.secret_key_check
      union all select check_value from validation.secret_key_check
      union all select check_value from delivery.secret_key_check`.execute(trx);
    if (rows.some(({ value }) => !value.equals(ours))) return false;
    await sql`
      insert into ${sql.table(`${schema}.secret_key_check`)} (check_value) values (${ours})
      on conflict do nothing`.execute(trx);
    return true;
  });
}
