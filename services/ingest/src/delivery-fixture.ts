import { randomUUID } from "node:crypto";

import { ensurePartition } from "@valify/database";

import { DEFAULT_TENANT_ID } from "./bootstrap.ts";
import type { TestApp } from "./test-support.ts";

type Owner = TestApp["owner"];

const HOUR_MS = 3_600_000;

/** Plays ingest's own upload: a batch, `ageMinutes` old. Returns its uuid. */
export async function addBatch(
  owner: Owner,
  { tenantId = DEFAULT_TENANT_ID, ageMinutes = 0, cancelled = false } = {},
): Promise<string> {
  const batchUuid = randomUUID();
  await owner.query(
    `insert into ingest.batches (batch_id, tenant_id, filename, object_key, byte_count,
       content_sha256, encoding, delimiter, total_leads, warnings, as_of, webhook_delay_ms,
       created_at, cancelled_at)
     values ($1, $2, 'leads.csv', 'x', 1, '', 'utf-8', ',', 1, '[]', current_date, 0,
       now() - $3 * interval '1 minute', case when $4 then now() end)`,
    [batchUuid, tenantId, ageMinutes, cancelled],
  );
  return batchUuid;
}

/** Plays ingest's own route, without its checks. */
export async function addEndpoint(
  owner: Owner,
  { tenantId = DEFAULT_TENANT_ID, send = "all", status = "active" } = {},
): Promise<string> {
  const endpointId = randomUUID();
  await owner.query(
    `insert into ingest.endpoints (endpoint_id, tenant_id, url, secret_encrypted, send, status)
     values ($1, $2, 'https://hooks.example.com/', '', $3, $4)`,
    [endpointId, tenantId, send, status],
  );
  return endpointId;
}

/** Plays the validator: leads that are due already. Returns their uuids, in row order. */
export async function addLeads(
  owner: Owner,
  batchUuid: string,
  count: number,
  { tenantId = DEFAULT_TENANT_ID, status = "valid", dueInMinutes = -1, firstRow = 1 } = {},
): Promise<readonly string[]> {
  const { rows } = await owner.query(
    `insert into validation.leads (lead_uuid, batch_id, row_number, line_number, tenant_id, lead_id,
       slug_version, first_name, last_name, dob, status, errors, warnings, validated_at,
       webhook_scheduled_for)
     select gen_random_uuid(), $1, i, i, $2, 'ada.quillfeather.15031990', 1, 'Ada', 'Quillfeather',
       '15/03/1990', $3, '[]', '[]', now(), now() + $4 * interval '1 minute'
     from generate_series($5::int, $5::int + $6::int - 1) as i
     returning lead_uuid`,
    [batchUuid, tenantId, status, dueInMinutes, firstRow, count],
  );
  return rows.map(({ lead_uuid: leadUuid }) => leadUuid);
}

export interface DeliverySeed {
  readonly batchUuid: string;
  readonly leadUuid?: string;
  readonly endpointId?: string;
  readonly tenantId?: string;
  readonly state?: string;
  readonly round?: number;
  readonly waitReason?: string | null;
  readonly deliveryId?: string;
}

/** Plays the dispatcher. Returns the delivery's id. */
export async function addDelivery(owner: Owner, seed: DeliverySeed): Promise<string> {
  const deliveryId = seed.deliveryId ?? randomUUID();
  await owner.query(
    `insert into delivery.deliveries (delivery_id, lead_uuid, endpoint_id, tenant_id, batch_id,
       state, round, wake_kind, attempts, last_attempt_at, last_error_class, wait_reason)
     values ($1, $2, $3, $4, $5, $6, $7, 0, 1, now(), 'http_5xx', $8)`,
    [
      deliveryId,
      seed.leadUuid ?? randomUUID(),
      seed.endpointId ?? randomUUID(),
      seed.tenantId ?? DEFAULT_TENANT_ID,
      seed.batchUuid,
      seed.state ?? "exhausted",
      seed.round ?? 0,
      seed.waitReason ?? null,
    ],
  );
  return deliveryId;
}

/** Plays the dispatcher: a request of this hour that failed. */
export async function addAttempt(
  { owner, ownerDb }: Pick<TestApp, "owner" | "ownerDb">,
  { deliveryId, responseBody }: { readonly deliveryId: string; readonly responseBody: string },
): Promise<void> {
  const now = new Date();
  const from = new Date(Math.floor(now.getTime() / HOUR_MS) * HOUR_MS);
  const span = { from, to: new Date(from.getTime() + HOUR_MS) };
  const partition = { parent: "delivery.attempts", name: "delivery.attempts_test" } as const;
  await ensurePartition(ownerDb, { ...partition, ...span });
  await owner.query(
    `insert into delivery.attempts (delivery_id, attempt, round, kind, tenant_id, endpoint_id,
       due_at, started_at, duration_ms, outcome, response_body)
     select delivery_id, 1, round, 0, tenant_id, endpoint_id, $2, $2, 1, 'http_5xx', $3
     from delivery.deliveries where delivery_id = $1`,
    [deliveryId, now, responseBody],
  );
}
