import type { Database } from "@valify/database";
import { type Insertable, type Kysely, sql, type Transaction } from "kysely";

export interface KeptCreation {
  readonly request_hash: Buffer;
  readonly answer_encrypted: Buffer;
}

/** Younger than 24 hours, by the database's clock. */
const IS_KEPT = sql<boolean>`created_at > now() - interval '24 hours'`;

/** By primary key. */
export async function findCreation(
  db: Kysely<Database>,
  tenantId: string,
  idempotencyKey: string,
): Promise<KeptCreation | undefined> {
  return db
    .selectFrom("ingest.endpoint_creations")
    .select(["request_hash", "answer_encrypted"])
    .where("tenant_id", "=", tenantId)
    .where("idempotency_key", "=", idempotencyKey)
    .where(IS_KEPT)
    .executeTakeFirst();
}

/** Along the primary key; there is a bound to them. */
export async function countCreations(
  trx: Transaction<Database>,
  tenantId: string,
): Promise<number> {
  const { count } = await trx
    .selectFrom("ingest.endpoint_creations")
    .select((expression) => expression.fn.countAll<string>().as("count"))
    .where("tenant_id", "=", tenantId)
    .where(IS_KEPT)
    .executeTakeFirstOrThrow();
  return Number(count);
}

/** In place of one that is past its time and not deleted yet. */
export async function keepCreation(
  trx: Transaction<Database>,
  creation: Insertable<Database["ingest.endpoint_creations"]>,
): Promise<void> {
  await trx
    .insertInto("ingest.endpoint_creations")
    .values(creation)
    .onConflict((conflict) =>
      conflict.columns(["tenant_id", "idempotency_key"]).doUpdateSet((update) => ({
        request_hash: update.ref("excluded.request_hash"),
        answer_encrypted: update.ref("excluded.answer_encrypted"),
        created_at: update.ref("excluded.created_at"),
      })),
    )
    .execute();
}

/** A scan of few rows. */
export async function deleteOldCreations(
  trx: Transaction<Database>,
  before: Date,
): Promise<number> {
  const { numDeletedRows } = await trx
    .deleteFrom("ingest.endpoint_creations")
    .where("created_at", "<=", before)
    .executeTakeFirst();
  return Number(numDeletedRows);
}
