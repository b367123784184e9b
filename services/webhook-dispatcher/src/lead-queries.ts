import { arrayLiteral, type Database } from "@valify/database";
import { type Kysely, sql } from "kysely";

import type { Lead } from "./domain/webhook-body.ts";

/** A lead and whether its batch was cancelled meanwhile. */
export type LoadedLead = Lead & { readonly cancelled: boolean };

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
}

/** The leads of a whole pull, by primary key. A skipped row is never announced, so never asked for. */
export async function loadLeads(
  db: Kysely<Database>,
  leadUuids: readonly string[],
): Promise<ReadonlyMap<string, LoadedLead>> {
  const { rows } = await sql<LoadedLead>`
    select l.lead_uuid as "leadUuid", l.batch_id as "batchId", l.tenant_id as "tenantId",
      l.row_number as "rowNumber", l.lead_id as "leadId", l.first_name as "firstName",
      l.last_name as "lastName", l.dob, l.status, l.errors, l.warnings,
      l.validated_at as "validatedAt", l.webhook_scheduled_for as "webhookScheduledFor",
      b.cancelled_at is not null as cancelled
    from validation.leads l left join ingest.batches b using (batch_id)
    where l.lead_uuid = any (${arrayLiteral(leadUuids)}::uuid[])`.execute(db);
  return new Map(rows.map((row) => [row.leadUuid, row]));
}

/** Read for every pull, never cached: a changed URL or secret counts from the next request on. */
export async function loadEndpoints(
  db: Kysely<Database>,
  tenantIds: readonly string[],
): Promise<readonly Endpoint[]> {
  const { rows } = await sql<Endpoint>`
    select endpoint_id as "endpointId", tenant_id as "tenantId", url,
      secret_encrypted as "secretEncrypted",
      array(select o.secret from unnest(old_secrets_encrypted, old_secrets_until)
              with ordinality as o (secret, until, place)
            where o.until > now() order by o.place) as "oldSecretsEncrypted",
      headers_encrypted as "headersEncrypted", client_certificate as "clientCertificate",
      client_key_encrypted as "clientKeyEncrypted", send, rate_per_second as "ratePerSecond", concurrency,
      retry_delays_ms as "retryDelaysMs", status
    from ingest.endpoints where tenant_id = any (${arrayLiteral(tenantIds)}::uuid[])
    order by created_at, endpoint_id`.execute(db);
  return rows;
}
