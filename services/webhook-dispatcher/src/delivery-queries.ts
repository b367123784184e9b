import { WakeUpKind } from "@valify/contracts";
import { arrayLiteral, type Database, type DeliveryState } from "@valify/database";
import { type Kysely, sql } from "kysely";

/** The right to send one delivery, for one wake-up. */
export interface ClaimRequest {
  readonly deliveryId: string;
  readonly leadUuid: string;
  readonly endpointId: string;
  readonly tenantId: string;
  readonly batchId: string;
  readonly round: number;
  readonly kind: number;
  /** When this wake-up was due. */
  readonly dueAt: string;
}

export interface ClaimGrant {
  readonly deliveryId: string;
  /** Requests made so far, and those of this cycle that count towards its retries. */
  readonly attempts: number;
  readonly cycleAttempts: number;
  /** When the attempt was due at first, if it has been deferred since; else null. */
  readonly dueSince: Date | null;
  /** Of what attempt 1 sent, hexadecimal; null before it. */
  readonly bodySha256: string | null;
}

/** A delivery as stored, for those that could not be claimed or are known by their id alone. */
export interface StoredDelivery {
  readonly deliveryId: string;
  readonly leadUuid: string;
  readonly endpointId: string;
  readonly tenantId: string;
  readonly batchId: string;
  readonly state: DeliveryState;
  readonly round: number;
  readonly wakeKind: number;
  readonly attempts: number;
  readonly nextAttemptAt: Date | null;
  readonly deliveredAt: Date | null;
  readonly lastAttemptAt: Date | null;
  readonly lastStatusCode: number | null;
  readonly lastErrorClass: string | null;
  /** What is left of the lease of whoever is sending it; 0 when it has run out. */
  readonly leaseRestMs: number;
}

/** Longer than a wait for a slot and the longest request together. */
export const LEASE_SECONDS = 45;
/** Kinds from here on are replays: a person asked, so a finished delivery opens again. */
const FIRST_REPLAY_KIND = 3;

/**
 * Claims for sending what somebody else may be at work on (else see domain/exclusive-wake-up.ts):
 * inserts what is new, takes over what is waiting for this round, or what a dead dispatcher left
 * behind. One row per delivery id may be asked for. Sorted, so that two
 * dispatchers lock rows in the same order. What is not returned was not granted.
 *
 * `db` commits without waiting for the disk: a lease that a crash of the database takes away costs
 * at most a repeat under the same `webhook-id`, which a crash of ours does too.
 */
export async function claimDeliveries(
  db: Kysely<Database>,
  requests: readonly ClaimRequest[],
): Promise<ReadonlyMap<string, ClaimGrant>> {
  const { rows } = await sql<ClaimGrant>`
    insert into delivery.deliveries as d
      (delivery_id, lead_uuid, endpoint_id, tenant_id, batch_id, state, round, wake_kind, lease_until,
       due_since)
    select u.delivery_id, u.lead_uuid, u.endpoint_id, u.tenant_id, u.batch_id, 'sending', u.round,
      u.kind, now() + ${LEASE_SECONDS} * interval '1 second', u.due_at
    from unnest(
      ${arrayLiteral(requests.map((request) => request.deliveryId))}::uuid[],
      ${arrayLiteral(requests.map((request) => request.leadUuid))}::uuid[],
      ${arrayLiteral(requests.map((request) => request.endpointId))}::uuid[],
      ${arrayLiteral(requests.map((request) => request.tenantId))}::uuid[],
      ${arrayLiteral(requests.map((request) => request.batchId))}::uuid[],
      ${arrayLiteral(requests.map((request) => request.round))}::int[],
      ${arrayLiteral(requests.map((request) => request.kind))}::smallint[],
      ${arrayLiteral(requests.map((request) => request.dueAt))}::timestamptz[]
    ) as u (delivery_id, lead_uuid, endpoint_id, tenant_id, batch_id, round, kind, due_at)
    order by u.delivery_id
    on conflict (delivery_id) do update
      set state = 'sending', round = excluded.round, wake_kind = excluded.wake_kind,
        lease_until = excluded.lease_until, next_attempt_at = null, wait_reason = null,
        due_since = case when excluded.wake_kind = ${WakeUpKind.deferral}
          then coalesce(d.due_since, excluded.due_since) else excluded.due_since end,
        cycle_attempts =
          case when excluded.wake_kind >= ${FIRST_REPLAY_KIND} then 0 else d.cycle_attempts end
      where (d.round < excluded.round
          and (d.state in ('sending', 'waiting', 'held') or excluded.wake_kind >= ${FIRST_REPLAY_KIND}))
        or (d.round = excluded.round and d.state = 'sending' and d.lease_until < now())
    returning d.delivery_id as "deliveryId", d.attempts, d.cycle_attempts as "cycleAttempts",
      case when d.wake_kind = ${WakeUpKind.deferral} then d.due_since end as "dueSince",
      encode(d.body_sha256, 'hex') as "bodySha256"
    `.execute(db);
  return new Map(rows.map((row) => [row.deliveryId, row]));
}

/** By primary key. */
export async function findDeliveries(
  db: Kysely<Database>,
  deliveryIds: readonly string[],
): Promise<ReadonlyMap<string, StoredDelivery>> {
  const { rows } = await sql<StoredDelivery>`
    select delivery_id as "deliveryId", lead_uuid as "leadUuid", endpoint_id as "endpointId",
      tenant_id as "tenantId", batch_id as "batchId", state, round, wake_kind as "wakeKind",
      attempts, next_attempt_at as "nextAttemptAt", delivered_at as "deliveredAt",
      last_attempt_at as "lastAttemptAt", last_status_code as "lastStatusCode",
      last_error_class as "lastErrorClass",
      greatest(0, coalesce(extract(epoch from lease_until - now()) * 1000, 0))::float8
        as "leaseRestMs"
    from delivery.deliveries where delivery_id = any (${arrayLiteral(deliveryIds)}::uuid[])`.execute(
    db,
  );
  return new Map(rows.map((row) => [row.deliveryId, row]));
}

/** A lead that no endpoint takes: recorded, so that it is listed and can be replayed. */
export interface UnroutedLead extends Omit<ClaimRequest, "dueAt"> {
  readonly state: "no_endpoint" | "cancelled";
  readonly reason: string;
}

export async function recordUnrouted(
  db: Kysely<Database>,
  leads: readonly UnroutedLead[],
): Promise<void> {
  await sql`
    insert into delivery.deliveries as d
      (delivery_id, lead_uuid, endpoint_id, tenant_id, batch_id, state, round, wake_kind,
       last_error_class)
    select * from unnest(
      ${arrayLiteral(leads.map((lead) => lead.deliveryId))}::uuid[],
      ${arrayLiteral(leads.map((lead) => lead.leadUuid))}::uuid[],
      ${arrayLiteral(leads.map((lead) => lead.endpointId))}::uuid[],
      ${arrayLiteral(leads.map((lead) => lead.tenantId))}::uuid[],
      ${arrayLiteral(leads.map((lead) => lead.batchId))}::uuid[],
      ${arrayLiteral(leads.map((lead) => lead.state))}::text[],
      ${arrayLiteral(leads.map((lead) => lead.round))}::int[],
      ${arrayLiteral(leads.map((lead) => lead.kind))}::smallint[],
      ${arrayLiteral(leads.map((lead) => lead.reason))}::text[])
    on conflict (delivery_id) do update
      set state = excluded.state, round = excluded.round, wake_kind = excluded.wake_kind,
        last_error_class = excluded.last_error_class
      where d.round < excluded.round`.execute(db);
}

/** The placeholder of an unrouted lead goes once real deliveries have taken its place. */
export async function deleteDeliveries(db: Kysely<Database>, deliveryIds: readonly string[]) {
  await sql`
    delete from delivery.deliveries
    where delivery_id = any (${arrayLiteral(deliveryIds)}::uuid[]) and state = 'no_endpoint'`.execute(
    db,
  );
}

/** It has no wake-up any more, and waits for nothing. */
const TO_CANCELLED = sql`state = 'cancelled', next_attempt_at = null, wait_reason = null`;

/**
 * Ends one delivery that waits or is held. Returns the state it was found in; undefined: the tenant
 * has no such delivery. Asked again it finds `cancelled`.
 */
export async function cancelDelivery(
  db: Kysely<Database>,
  tenantId: string,
  deliveryId: string,
): Promise<DeliveryState | undefined> {
  const { rows } = await sql<{ state: DeliveryState }>`
    with found as materialized (
      select delivery_id, state from delivery.deliveries
      where delivery_id = ${deliveryId} and tenant_id = ${tenantId} for update),
    ended as (
      update delivery.deliveries d
      set ${TO_CANCELLED}
      from found
      where d.delivery_id = found.delivery_id and found.state in ('waiting', 'held'))
    select state from found`.execute(db);
  return rows[0]?.state;
}

/** Deliveries of a cancelled batch that wait or are held: the scheduler will not wake them again. */
export async function cancelWaiting(db: Kysely<Database>, batchId: string): Promise<void> {
  await sql`
    update delivery.deliveries
    set ${TO_CANCELLED}
    where batch_id = ${batchId} and state in ('waiting', 'held')`.execute(db);
}
