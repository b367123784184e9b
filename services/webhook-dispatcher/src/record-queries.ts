import {
  arrayLiteral,
  booleanArray,
  byteaArray,
  type Database,
  ensurePartition,
  instantArray,
  int2Array,
  int4Array,
  realArray,
  textArray,
  type WaitReason,
} from "@valify/database";
import { type Kysely, sql } from "kysely";

/** What a wake-up came to. `attempt` is null where no request was made. */
export interface DeliveryRecord {
  readonly deliveryId: string;
  readonly leadUuid: string;
  readonly tenantId: string;
  readonly batchId: string;
  readonly endpointId: string;
  readonly round: number;
  readonly state: "waiting" | "held" | "delivered" | "exhausted" | "cancelled" | "erased";
  readonly waitReason: WaitReason | null;
  /** While it waits: the kind and instant of the next wake-up; else the kind of this one. */
  readonly wakeKind: number;
  readonly nextAttemptAt: Date | null;
  readonly attempts: number;
  readonly cycleAttempts: number;
  readonly lastAttemptAt: Date | null;
  readonly lastStatusCode: number | null;
  readonly lastErrorClass: string | null;
  /** When the attempt under way, or still to be made, was due at first. */
  readonly dueSince: string;
  /** Hexadecimal. */
  readonly bodySha256: string | null;
  readonly attempt: AttemptRecord | null;
}

export interface AttemptRecord {
  readonly kind: number;
  readonly dueAt: string;
  readonly startedAt: Date;
  readonly durationMs: number;
  readonly outcome: string;
  readonly statusCode: number | null;
  readonly responseBody: string | null;
  readonly responseTruncated: boolean;
  /** JSON, secrets masked. */
  readonly requestHeaders: string;
  readonly responseHeaders: string | null;
  readonly remoteAddress: string | null;
  readonly dnsMs: number | null;
  readonly connectMs: number | null;
  readonly tlsMs: number | null;
  readonly firstByteMs: number | null;
}

/**
 * Records the outcomes of many wake-ups in one statement, attempt and state together. Fenced by
 * round and state: a second call changes nothing, and neither does one whose lease was taken over.
 * The day's partition must exist. Sorted like the claim, so that the two never deadlock.
 *
 * An insert, since a claim need not have survived a crash of the database (see claimDeliveries).
 *
 * What would wait for a retry of a batch that was cancelled during the request ends here: the
 * scheduler drops the retry, and `cancelWaiting` may have looked before this row was waiting. Likewise
 * of a lead that was erased during the request; and what its receiver answered is not written down.
 */
export async function recordOutcomes(
  db: Kysely<Database>,
  records: readonly DeliveryRecord[],
): Promise<void> {
  await sql`
    with outcome as materialized (
      select u.*, exists (
          select 1 from delivery.erased_leads as e where e.lead_uuid = u.lead_uuid) as is_erased
      from unnest(${deliveryArrays(records)}, ${attemptArrays(records)})
        as u (delivery_id, lead_uuid, endpoint_id, tenant_id, batch_id, round, state, wake_kind,
          next_attempt_at, attempts, cycle_attempts, wait_reason, due_since, body_sha256,
          kind, due_at, started_at, duration_ms, outcome, status_code, response_body,
          response_truncated, request_headers, response_headers, remote_address, dns_ms,
          connect_ms, tls_ms, first_byte_ms)
      order by delivery_id),
    logged as (
      insert into delivery.attempts (delivery_id, attempt, round, kind, tenant_id, endpoint_id,
        due_at, started_at, duration_ms, outcome, status_code, response_body, response_truncated,
        request_headers, response_headers, remote_address, dns_ms, connect_ms, tls_ms,
        first_byte_ms)
      select delivery_id, attempts, round, kind, tenant_id, endpoint_id, due_at, started_at,
        duration_ms, outcome, status_code, case when not is_erased then response_body end,
        response_truncated, request_headers::json,
        case when not is_erased then response_headers::json end, remote_address, dns_ms,
        connect_ms, tls_ms, first_byte_ms
      from outcome where started_at is not null
      on conflict do nothing)
    insert into delivery.deliveries as d (delivery_id, lead_uuid, endpoint_id, tenant_id, batch_id,
      state, round, wake_kind, attempts, cycle_attempts, next_attempt_at, last_attempt_at,
      delivered_at, last_status_code, last_error_class, wait_reason, due_since, body_sha256)
    select delivery_id, lead_uuid, endpoint_id, tenant_id, batch_id,
      case when is_erased and state <> 'delivered' then 'erased' when ends then 'cancelled'
        else state end, round, wake_kind, attempts, cycle_attempts, next_attempt_at, started_at,
      case when state = 'delivered' then started_at + duration_ms * interval '1 millisecond' end,
      status_code, case when state = 'delivered' then null else outcome.outcome end,
      case when not ends and not is_erased then wait_reason end, due_since, body_sha256
    from outcome cross join lateral (
      select state in ('waiting', 'held') and exists (
        select 1 from ingest.batches b
        where b.batch_id = outcome.batch_id and b.cancelled_at is not null) as ends) as cancel
    on conflict (delivery_id) do update
    set state = case when excluded.state = 'erased' and d.delivered_at is not null
        then 'delivered' else excluded.state end, wake_kind = excluded.wake_kind,
      next_attempt_at = excluded.next_attempt_at, attempts = excluded.attempts,
      cycle_attempts = excluded.cycle_attempts, lease_until = null,
      last_attempt_at = coalesce(excluded.last_attempt_at, d.last_attempt_at),
      delivered_at = coalesce(excluded.delivered_at, d.delivered_at),
      last_status_code = case when excluded.last_attempt_at is null then d.last_status_code
        else excluded.last_status_code end,
      last_error_class = case when excluded.last_attempt_at is null then d.last_error_class
        else excluded.last_error_class end,
      wait_reason = excluded.wait_reason,
      body_sha256 = coalesce(d.body_sha256, excluded.body_sha256)
    where d.round = excluded.round and d.state = 'sending'
    `.execute(db);
}

function deliveryArrays(records: readonly DeliveryRecord[]) {
  return sql`
    ${arrayLiteral(records.map((record) => record.deliveryId))}::uuid[],
    ${arrayLiteral(records.map((record) => record.leadUuid))}::uuid[],
    ${arrayLiteral(records.map((record) => record.endpointId))}::uuid[],
    ${arrayLiteral(records.map((record) => record.tenantId))}::uuid[],
    ${arrayLiteral(records.map((record) => record.batchId))}::uuid[],
    ${int4Array(records.map((record) => record.round))}::int[],
    ${textArray(records.map((record) => record.state))}::text[],
    ${int2Array(records.map((record) => record.wakeKind))}::smallint[],
    ${instantArray(records.map((record) => record.nextAttemptAt?.getTime() ?? null))}::timestamptz[],
    ${int4Array(records.map((record) => record.attempts))}::int[],
    ${int4Array(records.map((record) => record.cycleAttempts))}::int[],
    ${textArray(records.map((record) => record.waitReason))}::text[],
    ${instantArray(records.map((record) => Date.parse(record.dueSince)))}::timestamptz[],
    ${byteaArray(records.map((record) => record.bodySha256))}::bytea[]`;
}

function attemptArrays(records: readonly DeliveryRecord[]) {
  const attempts = records.map(({ attempt }) => attempt);
  return sql`
    ${int2Array(attempts.map((attempt) => attempt?.kind ?? null))}::smallint[],
    ${instantArray(attempts.map((attempt) => attempt && Date.parse(attempt.dueAt)))}::timestamptz[],
    ${instantArray(attempts.map((attempt) => attempt?.startedAt.getTime() ?? null))}::timestamptz[],
    ${realArray(attempts.map((attempt) => attempt?.durationMs ?? null))}::real[],
    ${textArray(attempts.map((attempt) => attempt?.outcome ?? null))}::text[],
    ${int4Array(attempts.map((attempt) => attempt?.statusCode ?? null))}::int[],
    ${textArray(attempts.map((attempt) => attempt?.responseBody ?? null))}::text[],
    ${booleanArray(attempts.map((attempt) => attempt?.responseTruncated ?? null))}::boolean[],
    ${textArray(attempts.map((attempt) => attempt?.requestHeaders ?? null))}::text[],
    ${textArray(attempts.map((attempt) => attempt?.responseHeaders ?? null))}::text[],
    ${arrayLiteral(attempts.map((attempt) => attempt?.remoteAddress ?? null))}::inet[],
    ${realArray(attempts.map((attempt) => attempt?.dnsMs ?? null))}::real[],
    ${realArray(attempts.map((attempt) => attempt?.connectMs ?? null))}::real[],
    ${realArray(attempts.map((attempt) => attempt?.tlsMs ?? null))}::real[],
    ${realArray(attempts.map((attempt) => attempt?.firstByteMs ?? null))}::real[]`;
}

const DAY_MS = 86_400_000;

/** Makes the partition of an instant's day unless this process knows it exists. */
export function createAttemptPartitions(db: Kysely<Database>) {
  const known = new Set<number>();
  return async function ensureDay(instant: Date): Promise<void> {
    const fromMs = Math.floor(instant.getTime() / DAY_MS) * DAY_MS;
    if (known.has(fromMs)) return;
    const from = new Date(fromMs);
    const to = new Date(fromMs + DAY_MS);
    const name = `delivery.attempts_${from.toISOString().slice(0, 10).replaceAll("-", "")}`;
    await ensurePartition(db, { parent: "delivery.attempts", name, from, to });
    known.add(fromMs);
  };
}
