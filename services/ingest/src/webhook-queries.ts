import type { WebhookStatus } from "@valify/contracts/api";
import type { Database } from "@valify/database";
import { type Kysely, type RawBuilder, sql } from "kysely";

export interface LeadWebhook {
  readonly leadId: string;
  readonly leadUuid: string;
  readonly rowNumber: number;
  readonly status: WebhookStatus;
  readonly attempts: number;
  readonly scheduledAt: Date;
  readonly sentAt: Date | null;
  readonly lastError: string | null;
}

/** Over the deliveries of one lead (one per endpoint); all null where there is none yet. */
const OUTCOMES = sql`
  bool_or(state in ('exhausted', 'no_endpoint')) as failed,
  bool_and(state = 'delivered') as sent,
  bool_or(state = 'cancelled') as cancelled,
  bool_or(state = 'erased') as erased`;

/**
 * What became of one lead: a failed delivery needs a person, so it outweighs the rest; sent means
 * that all of them arrived. `d` holds the outcomes, `b` is the batch, `l` the lead.
 */
const LEAD_STATUS = sql<WebhookStatus>`
  case when d.failed then 'failed' when d.sent then 'sent' when d.cancelled then 'cancelled'
       when d.erased or (d.failed is null and l.erased_at is not null) then 'erased'
       when d.failed is null and b.cancelled_at is not null then 'cancelled'
       else 'pending' end`;

/** The newest failure of all; a lead without an endpoint never made a request that could fail. */
const LAST_ERROR = sql<string | null>`
  (array_agg(case state when 'no_endpoint' then 'no_endpoint' else last_error_class end
             order by last_attempt_at desc nulls last)
     filter (where state = 'no_endpoint' or last_error_class is not null))[1]`;

export interface LeadWebhookListing {
  readonly tenantId: string;
  readonly batchUuid: string;
  readonly status: WebhookStatus | undefined;
  readonly afterRow: number;
  readonly limit: number;
}

/**
 * In row order along the unique (batch_id, row_number) of leads, stopping at the limit; each
 * lead's deliveries by the index deliveries_of_batch. A skipped row was never announced.
 */
export async function listLeadWebhooks(db: Kysely<Database>, listing: LeadWebhookListing) {
  const { tenantId, batchUuid, status, afterRow, limit } = listing;
  const { rows } = await sql<LeadWebhook>`
    select l.lead_id as "leadId", l.lead_uuid as "leadUuid", l.row_number as "rowNumber",
      ${LEAD_STATUS} as status, d.attempts, l.webhook_scheduled_for as "scheduledAt",
      d.sent_at as "sentAt", d.last_error as "lastError"
    from validation.leads as l
    join ingest.batches as b on b.batch_id = l.batch_id
    cross join lateral (
      select ${OUTCOMES}, coalesce(sum(attempts), 0) as attempts,
        max(delivered_at) as sent_at, ${LAST_ERROR} as last_error
      from delivery.deliveries where batch_id = l.batch_id and lead_uuid = l.lead_uuid) as d
    where l.batch_id = ${batchUuid} and l.tenant_id = ${tenantId} and b.tenant_id = ${tenantId}
      and l.status <> 'skipped' and l.row_number > ${afterRow}
      and ${hasStatus(status, batchUuid)}
    order by l.row_number limit ${limit + 1}`.execute(db);
  const page = rows.slice(0, limit);
  const last = rows.length > limit ? page.at(-1) : undefined;
  return { leads: page, nextRow: last?.rowNumber ?? null };
}

interface LeadCounts {
  readonly leads: number;
  /** Leads with at least one delivery; the next three are among them. */
  readonly tried: number;
  readonly failed: number;
  readonly sent: number;
  readonly cancelled: number;
  readonly erased: number;
  readonly erasedUntried: number;
  readonly isCancelled: boolean;
}

/**
 * Over the whole batch: its deliveries grouped once by lead, its leads counted once. Joining the
 * two would cost as much again; a lead without a delivery shows as the difference.
 */
export async function countLeadWebhooks(
  db: Kysely<Database>,
  tenantId: string,
  batchUuid: string,
): Promise<Record<WebhookStatus, number>> {
  const { rows } = await sql<LeadCounts>`
    select count(d) as tried, count(*) filter (where d.failed) as failed,
      count(*) filter (where d.sent) as sent,
      count(*) filter (where d.cancelled and not d.failed) as cancelled,
      count(*) filter (where d.erased and not d.failed and not d.cancelled) as erased,
      min(l.leads) as leads, min(l.erased) as "erasedUntried",
      exists (select from ingest.batches
              where batch_id = ${batchUuid} and tenant_id = ${tenantId}
                and cancelled_at is not null) as "isCancelled"
    from (
      select count(*) as leads, count(*) filter (where erased_at is not null and not exists (
        select from delivery.deliveries as t
        where t.batch_id = leads.batch_id and t.lead_uuid = leads.lead_uuid)) as erased
      from validation.leads as leads
      where batch_id = ${batchUuid} and tenant_id = ${tenantId} and status <> 'skipped') as l
    left join (
      select ${OUTCOMES} from delivery.deliveries
      where batch_id = ${batchUuid} and tenant_id = ${tenantId} group by lead_uuid) as d on true
  `.execute(db);
  const [counts] = rows;
  if (counts === undefined) throw new Error("an aggregate returned no row");
  const { leads, tried, failed, sent, cancelled, erased, erasedUntried, isCancelled } = counts;
  const untried = Math.max(0, leads - tried - erasedUntried);
  return {
    pending: tried - failed - sent - cancelled - erased + (isCancelled ? 0 : untried),
    sent,
    failed,
    cancelled: cancelled + (isCancelled ? untried : 0),
    erased: erased + erasedUntried,
  };
}

export interface FailedDelivery {
  readonly deliveryId: string;
  readonly leadUuid: string;
  readonly round: number;
}

export interface FailedDeliveryListing {
  readonly tenantId: string;
  readonly batchUuid: string;
  readonly after: FailedDelivery | undefined;
  readonly limit: number;
}

/** By lead, along the index deliveries_of_batch, so that a batch of any size comes in pages. */
export async function listFailedDeliveries(
  db: Kysely<Database>,
  { tenantId, batchUuid, after, limit }: FailedDeliveryListing,
): Promise<readonly FailedDelivery[]> {
  const isAfter =
    after === undefined
      ? sql`true`
      : sql`(lead_uuid, delivery_id) > (${after.leadUuid}::uuid, ${after.deliveryId}::uuid)`;
  const { rows } = await sql<FailedDelivery>`
    select delivery_id as "deliveryId", lead_uuid as "leadUuid", round
    from delivery.deliveries
    where batch_id = ${batchUuid} and tenant_id = ${tenantId}
      and state in ('exhausted', 'no_endpoint') and ${isAfter}
    order by lead_uuid, delivery_id limit ${limit}`.execute(db);
  return rows;
}

/** Failed leads are few and asked for most: their deliveries lead to them, not the other way. */
function hasStatus(status: WebhookStatus | undefined, batchUuid: string): RawBuilder<unknown> {
  if (status === undefined) return sql`true`;
  if (status !== "failed") return sql`${LEAD_STATUS} = ${status}`;
  return sql`l.lead_uuid in (
    select lead_uuid from delivery.deliveries
    where batch_id = ${batchUuid} and state in ('exhausted', 'no_endpoint'))`;
}
