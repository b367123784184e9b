import { arrayLiteral, type Database } from "@valify/database";
import { type Kysely, sql } from "kysely";

import type { Lead } from "./domain/webhook-body.ts";
import { type HealthRow, type StoredHealth, storedHealthOf } from "./health-queries.ts";

/** A lead and whether it is sent no more. */
export type LoadedLead = Lead & {
  /** Its batch was cancelled meanwhile, or itself erased. */
  readonly cancelled: boolean;
  readonly erased?: boolean;
  /** A wake-up of it was worked on before. */
  readonly hasDeliveries?: boolean;
};

/** An endpoint as its owner set it up; null: the service's default. */
export interface Endpoint {
  readonly endpointId: string;
  readonly tenantId: string;
  readonly url: string;
  readonly secretEncrypted: Buffer;
  /** Still within the grace period of their rotation, newest first. */
  readonly oldSecretsEncrypted: readonly Buffer[];
  readonly headersEncrypted: Buffer | null;
  readonly clientCertificate: string | null;
  readonly clientKeyEncrypted: Buffer | null;
  readonly send: "all" | "valid" | "invalid";
  readonly ratePerSecond: number | null;
  readonly concurrency: number | null;
  readonly retryDelaysMs: readonly number[] | null;
  readonly status: "active" | "paused" | "disabled";
  /** When it was created, or made active last. */
  readonly activatedAt: Date;
  /** Null: nothing has ever failed. */
  readonly health: StoredHealth | null;
}

/** An instant as JSON has it, to the millisecond: it is only passed on, so it is never parsed. */
const wireInstant = (column: string) =>
  sql`to_char(${sql.ref(column)} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;

/**
 * The leads of a whole pull, by primary key; their deliveries along deliveries_of_batch. A skipped row
 * is never announced, so never asked for. `erased_leads` counts before the validator has come to it:
 * from that note on nothing is sent that was not loaded already (see erasure-queries.ts). A subquery
 * with a limit is never made into a hash of the whole table, as `exists` may be.
 */
export async function loadLeads(
  db: Kysely<Database>,
  leadUuids: readonly string[],
): Promise<ReadonlyMap<string, LoadedLead>> {
  const { rows } = await sql<LoadedLead>`
    select l.lead_uuid as "leadUuid", l.batch_id as "batchId", l.tenant_id as "tenantId",
      l.row_number as "rowNumber", l.lead_id as "leadId", l.first_name as "firstName",
      l.last_name as "lastName", l.dob, l.status, l.errors, l.warnings,
      ${wireInstant("l.validated_at")} as "validatedAt",
      ${wireInstant("l.webhook_scheduled_for")} as "webhookScheduledFor",
      b.cancelled_at is not null or erasure.is_noted as cancelled, erasure.is_noted as erased,
      (select true from delivery.deliveries d
       where d.batch_id = l.batch_id and d.lead_uuid = l.lead_uuid limit 1) is true
        as "hasDeliveries"
    from validation.leads l left join ingest.batches b using (batch_id)
      cross join lateral (
        select l.erased_at is not null or (
          select true from delivery.erased_leads e
          where e.lead_uuid = l.lead_uuid limit 1) is true as is_noted) as erasure
    where l.lead_uuid = any (${arrayLiteral(leadUuids)}::uuid[])`.execute(db);
  return new Map(rows.map((row) => [row.leadUuid, row]));
}

/** Read for every pull, never cached: a changed URL or secret counts from the next request on. */
export async function loadEndpoints(
  db: Kysely<Database>,
  tenantIds: readonly string[],
): Promise<readonly Endpoint[]> {
  const { rows } = await sql<Omit<Endpoint, "health"> & { health: HealthRow | null }>`
    select e.endpoint_id as "endpointId", e.tenant_id as "tenantId", url,
      secret_encrypted as "secretEncrypted",
      array(select o.secret from unnest(old_secrets_encrypted, old_secrets_until)
              with ordinality as o (secret, until, place)
            where o.until > now() order by o.place) as "oldSecretsEncrypted",
      headers_encrypted as "headersEncrypted", client_certificate as "clientCertificate",
      client_key_encrypted as "clientKeyEncrypted", send, rate_per_second as "ratePerSecond", concurrency,
      retry_delays_ms as "retryDelaysMs", status, activated_at as "activatedAt",
      to_json(h) as health
    from ingest.endpoints as e left join delivery.endpoint_health as h using (endpoint_id)
    where e.tenant_id = any (${arrayLiteral(tenantIds)}::uuid[])
    order by created_at, e.endpoint_id`.execute(db);
  return rows.map(({ health, ...endpoint }) =>
    Object.assign(endpoint, { health: health === null ? null : storedHealthOf(health) }),
  );
}
