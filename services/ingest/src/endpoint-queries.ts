import type { Database } from "@valify/database";
import {
  type Insertable,
  type Kysely,
  type Selectable,
  sql,
  type Transaction,
  type Updateable,
} from "kysely";

type EndpointRow = Database["ingest.endpoints"];

/** An endpoint as its table holds it, everything secret still sealed. */
export type StoredEndpoint = Selectable<EndpointRow>;
export type EndpointChanges = Omit<Updateable<EndpointRow>, "endpoint_id" | "tenant_id">;

/** Any fixed number: endpoints of one tenant are counted and added one after the other. */
const COUNT_LOCK = 7_205_040;

/** Oldest first, along endpoints_of_tenant. Their number is bounded. */
export async function listEndpoints(
  db: Kysely<Database>,
  tenantId: string,
): Promise<readonly StoredEndpoint[]> {
  return db
    .selectFrom("ingest.endpoints")
    .selectAll()
    .where("tenant_id", "=", tenantId)
    .orderBy("created_at")
    .orderBy("endpoint_id")
    .execute();
}

/** By primary key. `lock`: for a change that is made of what is there. */
export async function findEndpoint(
  db: Kysely<Database>,
  tenantId: string,
  endpointId: string,
  { lock = false } = {},
): Promise<StoredEndpoint | undefined> {
  return db
    .selectFrom("ingest.endpoints")
    .selectAll()
    .where("endpoint_id", "=", endpointId)
    .where("tenant_id", "=", tenantId)
    .$if(lock, (select) => select.forUpdate())
    .executeTakeFirst();
}

/** The lock lasts until the transaction ends, so two requests never both see the last free place. */
export async function countEndpointsLocked(
  trx: Transaction<Database>,
  tenantId: string,
): Promise<number> {
  await sql`select pg_advisory_xact_lock(hashtextextended(${tenantId}, ${COUNT_LOCK}))`.execute(
    trx,
  );
  const { count } = await trx
    .selectFrom("ingest.endpoints")
    .select((expression) => expression.fn.countAll<string>().as("count"))
    .where("tenant_id", "=", tenantId)
    .executeTakeFirstOrThrow();
  return Number(count);
}

export async function insertEndpoint(
  trx: Transaction<Database>,
  endpoint: Insertable<EndpointRow>,
): Promise<StoredEndpoint> {
  return trx
    .insertInto("ingest.endpoints")
    .values(endpoint)
    .returningAll()
    .executeTakeFirstOrThrow();
}

/** `isActivated`: outdates whatever disabled it, also where it was active all along. */
export async function updateEndpoint(
  trx: Transaction<Database>,
  { tenant_id: tenantId, endpoint_id: endpointId }: StoredEndpoint,
  changes: EndpointChanges,
  isActivated: boolean,
): Promise<StoredEndpoint> {
  return trx
    .updateTable("ingest.endpoints")
    .set({ ...changes, updated_at: sql<Date>`now()` })
    .$if(isActivated, (update) => update.set({ activated_at: sql<Date>`now()` }))
    .where("endpoint_id", "=", endpointId)
    .where("tenant_id", "=", tenantId)
    .returningAll()
    .executeTakeFirstOrThrow();
}

export async function deleteEndpoint(
  trx: Transaction<Database>,
  tenantId: string,
  endpointId: string,
): Promise<boolean> {
  const result = await trx
    .deleteFrom("ingest.endpoints")
    .where("endpoint_id", "=", endpointId)
    .where("tenant_id", "=", tenantId)
    .executeTakeFirst();
  return result.numDeletedRows > 0n;
}

const OLD_SECRETS_MAX = 10;

/**
 * Puts a new secret in front, of an endpoint that the transaction has locked. The present one and those still in their grace period go on for
 * `graceMs` from now at most, by the database's clock, which the dispatcher asks as well.
 */
export async function rotateSecret(
  trx: Transaction<Database>,
  { tenant_id: tenantId, endpoint_id: endpointId }: StoredEndpoint,
  next: {
    readonly sealedSecret: Buffer;
    readonly publicKey: string | null;
    readonly graceMs: number;
  },
): Promise<StoredEndpoint> {
  const end = sql`now() + ${next.graceMs} * interval '1 millisecond'`;
  await sql`
    update ingest.endpoints as e set
      secret_encrypted = ${next.sealedSecret}, public_key = ${next.publicKey}, updated_at = now(),
      old_secrets_encrypted = kept.secrets, old_secrets_until = kept.ends
    from (
      select coalesce(array_agg(k.secret order by k.place), '{}') as secrets,
        coalesce(array_agg(k.until order by k.place), '{}') as ends
      from (
        select o.secret, least(o.until, ${end}) as until, o.place
        from ingest.endpoints as s
        cross join lateral (
          select s.secret_encrypted as secret, 'infinity'::timestamptz as until, 0::bigint as place
          union all
          select * from unnest(s.old_secrets_encrypted, s.old_secrets_until) with ordinality
        ) as o
        where s.endpoint_id = ${endpointId} and least(o.until, ${end}) > now()
        order by o.place limit ${OLD_SECRETS_MAX}
      ) as k) as kept
    where e.endpoint_id = ${endpointId} and e.tenant_id = ${tenantId}`.execute(trx);
  const rotated = await findEndpoint(trx, tenantId, endpointId);
  if (rotated === undefined) throw new Error("the endpoint was deleted during its rotation");
  return rotated;
}
