import type { Database } from "@valify/database";
import { type Kysely, sql, type Transaction } from "kysely";

/** In the transaction that accepts the batch: there is never one without the other. */
export async function reserveLeads(
  trx: Transaction<Database>,
  batch: { readonly tenantId: string; readonly batchUuid: string; readonly totalLeads: number },
): Promise<void> {
  await trx
    .insertInto("ingest.usage_entries")
    .values({
      tenant_id: batch.tenantId,
      batch_id: batch.batchUuid,
      kind: "reserve",
      leads: batch.totalLeads,
    })
    .execute();
}

/**
 * Charges what was validated and gives the rest back, once: the mark on the batch, its row locked by
 * the update, lets the first caller through and nobody after. One statement, so a crash leaves all
 * of it or nothing. Returns whether this call did it.
 *
 * A batch that an older version accepted has reserved nothing: then that is made up for here.
 */
export async function settleUsage(
  db: Kysely<Database>,
  batchUuid: string,
  chargedLeads: number,
): Promise<boolean> {
  const { rows } = await sql`
    with settled as (
      update ingest.batches set usage_settled_at = now()
      where batch_id = ${batchUuid} and usage_settled_at is null
      returning tenant_id, batch_id, total_leads),
    entries as (
      insert into ingest.usage_entries (tenant_id, batch_id, kind, leads)
      select s.tenant_id, s.batch_id, e.kind, e.leads
      from settled as s cross join lateral (values
        ('reserve', s.total_leads), ('charge', ${chargedLeads}::int),
        ('release', s.total_leads - ${chargedLeads}::int)) as e (kind, leads)
      where e.leads <> 0
      on conflict (batch_id, kind) do nothing)
    select from settled`.execute(db);
  return rows.length > 0;
}
