import type { DeliveryFilter } from "@valify/contracts/api";
import type { Database, DeliveryState } from "@valify/database";
import { type Kysely, type RawBuilder, sql } from "kysely";

import type { BatchCursor, DeliveryCursor } from "./domain/cursor.ts";

/** A delivery as its table holds it. */
export interface StoredDelivery {
  readonly deliveryId: string;
  readonly endpointId: string;
  readonly tenantId: string;
  readonly batchUuid: string;
  readonly leadUuid: string;
  readonly state: DeliveryState;
  readonly round: number;
  readonly wakeKind: number;
  readonly waitReason: string | null;
  readonly attempts: number;
  readonly nextAttemptAt: Date | null;
  readonly lastAttemptAt: Date | null;
  readonly deliveredAt: Date | null;
  readonly lastStatusCode: number | null;
  readonly lastErrorClass: string | null;
  readonly createdAt: Date;
}

const COLUMNS = sql`
  d.delivery_id as "deliveryId", d.endpoint_id as "endpointId", d.tenant_id as "tenantId",
  d.batch_id as "batchUuid", d.lead_uuid as "leadUuid", d.state, d.round,
  d.wake_kind as "wakeKind", d.wait_reason as "waitReason", d.attempts,
  d.next_attempt_at as "nextAttemptAt", d.last_attempt_at as "lastAttemptAt",
  d.delivered_at as "deliveredAt", d.last_status_code as "lastStatusCode",
  d.last_error_class as "lastErrorClass", d.created_at as "createdAt"`;

/** By primary key. */
export async function findDelivery(
  db: Kysely<Database>,
  tenantId: string,
  deliveryId: string,
): Promise<StoredDelivery | undefined> {
  const { rows } = await sql<StoredDelivery>`
    select ${COLUMNS} from delivery.deliveries as d
    where d.delivery_id = ${deliveryId} and d.tenant_id = ${tenantId}`.execute(db);
  return rows[0];
}

export interface DeliveryListing {
  readonly tenantId: string;
  readonly batchUuid: string | undefined;
  readonly endpointId: string | undefined;
  readonly status: DeliveryFilter | undefined;
  readonly after: DeliveryCursor | undefined;
  readonly limit: number;
}

export interface DeliveryListPage {
  readonly deliveries: readonly StoredDelivery[];
  readonly next: DeliveryCursor | null;
}

/** A page looks through so many batches at most, however rare what it looks for: it may be short. */
const BATCHES_PER_PAGE = 20;
/** Test events belong to no batch; they carry their tenant's id instead and come first. */
const TESTS_CREATED_AT = "2999-12-31T23:59:59.999999Z";

/**
 * Batch by batch along batches_newest, each along deliveries_of_batch: no index of its own, which
 * every delivery would pay for.
 */
export async function listDeliveries(
  db: Kysely<Database>,
  listing: DeliveryListing,
): Promise<DeliveryListPage> {
  const { after, limit } = listing;
  const batches = await batchesToSearch(db, listing);
  const { rows } = await sql<StoredDelivery & { readonly place: string }>`
    select found.*, b.place
    from unnest(${batches.map(({ batchUuid }) => batchUuid)}::uuid[]) with ordinality
      as b (batch_id, place)
    cross join lateral (
      select ${COLUMNS} from delivery.deliveries as d
      where d.batch_id = b.batch_id and d.tenant_id = ${listing.tenantId}
        and ${isWanted(listing)} and (b.batch_id is distinct from ${after?.batch.batchUuid ?? null}::uuid or ${isAfter(after)})
      order by d.lead_uuid, d.delivery_id limit ${limit + 1}) as found
    order by b.place, found."leadUuid", found."deliveryId" limit ${limit + 1}`.execute(db);
  const deliveries = rows.slice(0, limit);
  const last = deliveries.at(-1);
  const lastBatch = batches.at(-1);
  if (rows.length > limit && last !== undefined) {
    const { leadUuid, deliveryId } = last;
    const batch = batches[Number(last.place) - 1];
    return { deliveries, next: batch ? { batch, after: { leadUuid, deliveryId } } : null };
  }
  const isEnd = listing.batchUuid !== undefined || batches.length < BATCHES_PER_PAGE;
  return { deliveries, next: isEnd || !lastBatch ? null : { batch: lastBatch, after: null } };
}

/** Newest first; the batch that a cursor stands in comes again, unless the cursor has done with it. */
async function batchesToSearch(
  db: Kysely<Database>,
  { tenantId, batchUuid, after }: DeliveryListing,
): Promise<readonly BatchCursor[]> {
  if (batchUuid !== undefined) return [{ createdAt: TESTS_CREATED_AT, batchUuid }];
  const tests = { createdAt: TESTS_CREATED_AT, batchUuid: tenantId };
  const isAmongTests = after?.batch.batchUuid === tenantId;
  const withTests = after === undefined || (isAmongTests && after.after !== null);
  const from =
    after === undefined || isAmongTests
      ? sql`true`
      : sql`(created_at, batch_id) ${after.after === null ? sql`<` : sql`<=`}
          (${after.batch.createdAt}::timestamptz, ${after.batch.batchUuid}::uuid)`;
  const { rows } = await sql<BatchCursor>`
    select batch_id as "batchUuid",
      to_char(created_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as "createdAt"
    from ingest.batches where tenant_id = ${tenantId} and ${from}
    order by created_at desc, batch_id desc
    limit ${BATCHES_PER_PAGE - (withTests ? 1 : 0)}`.execute(db);
  return withTests ? [tests, ...rows] : rows;
}

const STATES_OF: Readonly<Record<DeliveryFilter, readonly DeliveryState[]>> = {
  pending: ["sending", "waiting", "held"],
  sent: ["delivered"],
  failed: ["exhausted", "no_endpoint"],
  sending: ["sending"],
  waiting: ["waiting"],
  held: ["held"],
  delivered: ["delivered"],
  exhausted: ["exhausted"],
  cancelled: ["cancelled"],
  no_endpoint: ["no_endpoint"],
  erased: ["erased"],
};

function isWanted({ endpointId, status }: DeliveryListing): RawBuilder<unknown> {
  const ofEndpoint = endpointId === undefined ? sql`true` : sql`d.endpoint_id = ${endpointId}`;
  if (status === undefined) return ofEndpoint;
  return sql`${ofEndpoint} and d.state = any (${STATES_OF[status]}::text[])`;
}

function isAfter(cursor: DeliveryCursor | undefined): RawBuilder<unknown> {
  const after = cursor?.after;
  if (after === null || after === undefined) return sql`true`;
  return sql`(d.lead_uuid, d.delivery_id) > (${after.leadUuid}::uuid, ${after.deliveryId}::uuid)`;
}

export interface StoredAttempt {
  readonly attempt: number;
  readonly kind: number;
  readonly dueAt: Date;
  readonly startedAt: Date;
  readonly durationMs: number;
  readonly outcome: string;
  readonly statusCode: number | null;
  readonly dnsMs: number | null;
  readonly connectMs: number | null;
  readonly tlsMs: number | null;
  readonly firstByteMs: number | null;
  readonly remoteAddress: string | null;
  readonly requestHeaders: Record<string, string> | null;
  readonly responseHeaders: Record<string, string> | null;
  readonly responseBody: string | null;
  readonly responseTruncated: boolean | null;
}

/** Oldest first, along the primary key of each day's partition that has some. */
export async function listAttempts(
  db: Kysely<Database>,
  listing: {
    readonly tenantId: string;
    readonly deliveryId: string;
    readonly afterAttempt: number;
    readonly limit: number;
  },
): Promise<readonly StoredAttempt[]> {
  const { tenantId, deliveryId, afterAttempt, limit } = listing;
  const { rows } = await sql<StoredAttempt>`
    select attempt, kind, due_at as "dueAt", started_at as "startedAt",
      duration_ms as "durationMs", outcome, status_code as "statusCode", dns_ms as "dnsMs",
      connect_ms as "connectMs", tls_ms as "tlsMs", first_byte_ms as "firstByteMs",
      host(remote_address) as "remoteAddress", request_headers as "requestHeaders",
      response_headers as "responseHeaders", response_body as "responseBody",
      response_truncated as "responseTruncated"
    from delivery.attempts
    where delivery_id = ${deliveryId} and tenant_id = ${tenantId} and attempt > ${afterAttempt}
    order by attempt, started_at limit ${limit}`.execute(db);
  return rows;
}
