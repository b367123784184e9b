import { type Database, ensurePartition } from "@valify/database";
import { type Kysely, sql } from "kysely";

/** What a wake-up came to. `attempt` is null where no request was made. */
export interface DeliveryRecord {
  readonly deliveryId: string;
  readonly tenantId: string;
  readonly endpointId: string;
  readonly round: number;
  readonly state: "waiting" | "delivered" | "exhausted" | "cancelled";
  /** While waiting: the kind and instant of the next wake-up; else the kind of this one. */
  readonly wakeKind: number;
  readonly nextAttemptAt: Date | null;
  readonly attempts: number;
  readonly cycleAttempts: number;
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
}

/**
 * Records the outcomes of many wake-ups in one statement, attempt and state together. Fenced by
 * round and state: a second call changes nothing, and neither does one whose lease was taken over.
 * The day's partition must exist. Sorted like the claim, so that the two never deadlock.
 *
 * What would wait for a retry of a batch that was cancelled during the request ends here: the
 * scheduler drops the retry, and `cancelWaiting` may have looked before this row was waiting.
 */
export async function recordOutcomes(
  db: Kysely<Database>,
  records: readonly DeliveryRecord[],
): Promise<void> {
  const attempts = records.map(({ attempt }) => attempt);
  await sql`
    with outcome as materialized (
      select * from unnest(
        ${records.map((record) => record.deliveryId)}::uuid[],
        ${records.map((record) => record.tenantId)}::uuid[],
        ${records.map((record) => record.endpointId)}::uuid[],
        ${records.map((record) => record.round)}::int[],
        ${records.map((record) => record.state)}::text[],
        ${records.map((record) => record.wakeKind)}::smallint[],
        ${records.map((record) => record.nextAttemptAt)}::timestamptz[],
        ${records.map((record) => record.attempts)}::int[],
        ${records.map((record) => record.cycleAttempts)}::int[],
        ${attempts.map((attempt) => attempt?.kind ?? null)}::smallint[],
        ${attempts.map((attempt) => attempt?.dueAt ?? null)}::timestamptz[],
        ${attempts.map((attempt) => attempt?.startedAt ?? null)}::timestamptz[],
        ${attempts.map((attempt) => attempt?.durationMs ?? null)}::real[],
        ${attempts.map((attempt) => attempt?.outcome ?? null)}::text[],
        ${attempts.map((attempt) => attempt?.statusCode ?? null)}::int[],
        ${attempts.map((attempt) => attempt?.responseBody ?? null)}::text[]
      ) as u (delivery_id, tenant_id, endpoint_id, round, state, wake_kind, next_attempt_at,
        attempts, cycle_attempts, kind, due_at, started_at, duration_ms, outcome, status_code,
        response_body)
      order by delivery_id),
    logged as (
      insert into delivery.attempts (delivery_id, attempt, round, kind, tenant_id, endpoint_id,
        due_at, started_at, duration_ms, outcome, status_code, response_body)
      select delivery_id, attempts, round, kind, tenant_id, endpoint_id, due_at, started_at,
        duration_ms, outcome, status_code, response_body
      from outcome where started_at is not null
      on conflict do nothing)
    update delivery.deliveries as d
    set state = case when o.state = 'waiting' and exists (
          select 1 from ingest.batches b
          where b.batch_id = d.batch_id and b.cancelled_at is not null)
        then 'cancelled' else o.state end,
      wake_kind = o.wake_kind, next_attempt_at = o.next_attempt_at,
      attempts = o.attempts, cycle_attempts = o.cycle_attempts, lease_until = null,
      last_attempt_at = coalesce(o.started_at, d.last_attempt_at),
      delivered_at = case when o.state = 'delivered'
        then o.started_at + o.duration_ms * interval '1 millisecond' else d.delivered_at end,
      last_status_code = case when o.started_at is null then d.last_status_code
        else o.status_code end,
      last_error_class = case when o.started_at is null then d.last_error_class
        when o.state = 'delivered' then null else o.outcome end
    from outcome as o
    where d.delivery_id = o.delivery_id and d.round = o.round and d.state = 'sending'
    `.execute(db);
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
