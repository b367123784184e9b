import { arrayLiteral, type Database } from "@valify/database";
import { type Kysely, sql } from "kysely";

import { LEASE_SECONDS } from "./delivery-queries.ts";

export interface LeadsToErase {
  readonly tenantId: string;
  readonly batchUuids: readonly string[];
  readonly leadUuids: readonly string[];
}

/**
 * From now on no answer about these leads is kept, and what has not been delivered goes out no more.
 * Along deliveries_of_batch. Returns whether a request is under way, whose answer is still to come.
 *
 * A first request leaves no row before it has ended. Once `erased_leads` has its lead none is loaded
 * any more, so whatever is under way ends within a lease from then on: a lead that was due and has no
 * row is waited for that long.
 */
export async function endDeliveries(
  db: Kysely<Database>,
  { tenantId, batchUuids, leadUuids }: LeadsToErase,
): Promise<boolean> {
  const leads = sql`${arrayLiteral(leadUuids)}::uuid[]`;
  const { rows } = await sql<{ isSending: boolean }>`
    with noted as (
      insert into delivery.erased_leads (lead_uuid) select unnest(${leads})
      on conflict do nothing),
    ended as (
      update delivery.deliveries
      set state = 'erased', next_attempt_at = null, wait_reason = null, lease_until = null
      where batch_id = any (${arrayLiteral(batchUuids)}::uuid[]) and lead_uuid = any (${leads})
        and tenant_id = ${tenantId}
        and (state in ('waiting', 'held', 'exhausted', 'no_endpoint')
          or (state = 'sending' and lease_until < now())))
    select exists (
      select from delivery.deliveries
      where batch_id = any (${arrayLiteral(batchUuids)}::uuid[]) and lead_uuid = any (${leads})
        and state = 'sending' and lease_until >= now())
      or exists (
        select from validation.leads as l
        where l.lead_uuid = any (${leads}) and l.tenant_id = ${tenantId}
          and l.webhook_scheduled_for <= now()
          and not exists (
            select from delivery.deliveries as d
            where d.batch_id = l.batch_id and d.lead_uuid = l.lead_uuid)
          and not exists (
            select from delivery.erased_leads as e
            where e.lead_uuid = l.lead_uuid
              and e.erased_at < now() - ${LEASE_SECONDS} * interval '1 second')) as "isSending"`.execute(
    db,
  );
  return rows[0]?.isSending === true;
}

/** An answer often quotes what it was sent. The attempt stays, with its times and its outcome. */
export async function clearAnswers(
  db: Kysely<Database>,
  { tenantId, batchUuids, leadUuids }: LeadsToErase,
): Promise<void> {
  await sql`
    update delivery.attempts set response_body = null, response_headers = null
    where delivery_id in (
      select delivery_id from delivery.deliveries
      where batch_id = any (${arrayLiteral(batchUuids)}::uuid[])
        and lead_uuid = any (${arrayLiteral(leadUuids)}::uuid[]) and tenant_id = ${tenantId})
      and (response_body is not null or response_headers is not null)`.execute(db);
}
