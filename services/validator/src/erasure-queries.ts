import type { Database } from "@valify/database";
import { type Kysely, sql } from "kysely";

export interface Forgotten {
  readonly tenantId: string;
  readonly leadUuids: readonly string[];
  /** Keys of claims and suppressions alike. */
  readonly tombstones: readonly string[];
}

/**
 * Overwrites who a row was, refuses them from now on and gives up their claims: one statement, all or
 * nothing. What its findings say goes too, since they may quote a cell. Rows by primary key.
 */
export async function eraseLeads(
  db: Kysely<Database>,
  { tenantId, leadUuids, tombstones }: Forgotten,
): Promise<void> {
  await sql`
    with refused as (
      insert into validation.suppressions (lead_hash, tenant_id)
      select t, ${tenantId}::uuid from unnest(${[...tombstones]}::uuid[]) as t
      on conflict do nothing),
    unclaimed as (
      delete from validation.lead_claims where lead_hash = any (${[...tombstones]}::uuid[]))
    update validation.leads
    set lead_id = 'erased', first_name = '', last_name = '', dob = '', dob_date = null,
      errors = '[]', warnings = '[]', erased_at = coalesce(erased_at, clock_timestamp())
    where lead_uuid = any (${[...leadUuids]}::uuid[]) and tenant_id = ${tenantId}`.execute(db);
}

/** What is left of a row: where it stands, and from when on it may have been announced. */
export interface Tombstone {
  readonly batchUuid: string;
  readonly rowNumber: number;
  readonly validatedAt: Date;
  /** Its batch is still at work, and has its file in memory. */
  readonly isAtWork: boolean;
}

/** By primary key; rows whose retention is over are not there. */
export async function findTombstones(
  db: Kysely<Database>,
  tenantId: string,
  leadUuids: readonly string[],
): Promise<readonly Tombstone[]> {
  const { rows } = await sql<Tombstone>`
    select l.batch_id as "batchUuid", l.row_number as "rowNumber", l.validated_at as "validatedAt",
      r.status = 'processing' as "isAtWork"
    from validation.leads as l join validation.runs as r on r.batch_id = l.batch_id
    where l.lead_uuid = any (${[...leadUuids]}::uuid[]) and l.tenant_id = ${tenantId}
    order by l.batch_id, l.row_number`.execute(db);
  return rows;
}

/** Housekeeping deletes a batch's rows before its files. */
export async function hasLeads(db: Kysely<Database>, batchUuid: string): Promise<boolean> {
  const { rows } = await sql`
    select from validation.leads where batch_id = ${batchUuid} limit 1`.execute(db);
  return rows.length > 0;
}
