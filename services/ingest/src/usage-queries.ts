import type { Database } from "@valify/database";
import { type Kysely, sql, type Transaction } from "kysely";

import type { UsageMonthSpan } from "./domain/usage-month.ts";

export interface UsageTotals {
  readonly charged: number;
  readonly reserved: number;
  readonly released: number;
  readonly batchesCharged: number;
  readonly open: number;
}

/** Index-only along usage_entries_of_tenant; the batches at work along batches_unsettled. */
export async function sumUsage(
  db: Kysely<Database>,
  tenantId: string,
  { from, until }: UsageMonthSpan,
): Promise<UsageTotals> {
  const { rows } = await sql<UsageTotals>`
    select coalesce(sum(leads) filter (where kind = 'charge'), 0) as charged,
      coalesce(sum(leads) filter (where kind = 'reserve'), 0) as reserved,
      coalesce(sum(leads) filter (where kind = 'release'), 0) as released,
      count(*) filter (where kind = 'charge') as "batchesCharged",
      (select coalesce(sum(total_leads), 0) from ingest.batches
       where tenant_id = ${tenantId} and usage_settled_at is null) as open
    from ingest.usage_entries
    where tenant_id = ${tenantId} and at >= ${from} and at < ${until}`.execute(db);
  if (rows[0] === undefined) throw new Error("an aggregate returned no row");
  return rows[0];
}

export interface UsageEntry {
  readonly entryId: number;
  readonly batchUuid: string;
  readonly filename: string;
  readonly kind: "reserve" | "charge" | "release";
  readonly leads: number;
  readonly at: Date;
}

export interface UsageListing {
  readonly tenantId: string;
  readonly span: UsageMonthSpan;
  readonly afterEntry: number;
  readonly limit: number;
}

/** In order of entry, along the primary key or the tenant's index, whichever is shorter. */
export async function listUsage(db: Kysely<Database>, listing: UsageListing) {
  const { tenantId, span, afterEntry, limit } = listing;
  const { rows } = await sql<UsageEntry>`
    select e.entry_id as "entryId", e.batch_id as "batchUuid", b.filename, e.kind, e.leads, e.at
    from ingest.usage_entries as e join ingest.batches as b on b.batch_id = e.batch_id
    where e.tenant_id = ${tenantId} and b.tenant_id = ${tenantId}
      and e.at >= ${span.from} and e.at < ${span.until} and e.entry_id > ${afterEntry}
    order by e.entry_id limit ${limit + 1}`.execute(db);
  const page = rows.slice(0, limit);
  return { entries: page, nextEntry: rows.length > limit ? (page.at(-1)?.entryId ?? null) : null };
}

export interface UnsettledEnd {
  readonly batchUuid: string;
  /** Valid and invalid leads of a completed run; else nothing. */
  readonly chargedLeads: number;
}

/** Batches that ended a while ago and were not settled, as when an event was lost. Few, or none. */
export async function listUnsettledEnds(
  trx: Transaction<Database>,
  { afterMs, limit }: { readonly afterMs: number; readonly limit: number },
): Promise<readonly UnsettledEnd[]> {
  const { rows } = await sql<UnsettledEnd>`
    select b.batch_id as "batchUuid",
      case when r.status = 'completed' then r.valid_leads + r.invalid_leads else 0
      end as "chargedLeads"
    from ingest.batches as b left join validation.runs as r on r.batch_id = b.batch_id
    where b.usage_settled_at is null
      and coalesce(r.ended_at, b.cancelled_at) < now() - ${afterMs} * interval '1 millisecond'
    limit ${limit}`.execute(trx);
  return rows;
}

/**
 * By how many leads the ledger differs from what it should say, over the batches of the last weeks
 * and all at work: an open batch has reserved its leads, a settled one has reserved what it was
 * charged and given back, and was charged what its run counted. Zero, or something is wrong.
 */
export async function measureDrift(
  db: Kysely<Database>,
  { daysBack }: { readonly daysBack: number },
): Promise<number> {
  const { rows } = await sql<{ drift: number }>`
    select coalesce(sum(
        abs(b.total_leads - e.reserved)
        + case when b.usage_settled_at is null then e.charged + e.released
               else abs(e.reserved - e.charged - e.released) end
        + case when e.charged > 0 and r.batch_id is not null
               then abs(e.charged - r.valid_leads - r.invalid_leads) else 0 end), 0)::float8 as drift
    from ingest.batches as b
    cross join lateral (
      select coalesce(sum(leads) filter (where kind = 'reserve'), 0) as reserved,
        coalesce(sum(leads) filter (where kind = 'charge'), 0) as charged,
        coalesce(sum(leads) filter (where kind = 'release'), 0) as released
      from ingest.usage_entries where batch_id = b.batch_id) as e
    left join validation.runs as r on r.batch_id = b.batch_id
    where (b.usage_settled_at is null or b.created_at > now() - ${daysBack} * interval '1 day')
      and b.usage_settled_at is distinct from 'epoch'`.execute(db);
  return rows[0]?.drift ?? 0;
}
