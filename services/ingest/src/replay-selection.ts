import type { Database } from "@valify/database";
import { deliveryIdOf } from "@valify/runtime";
import { type RawBuilder, sql, type Transaction } from "kysely";

import type { NewReplay, ReplayChunk, StoredReplay } from "./replay-queries.ts";

/** What a replay covers; the same for the plan and for the work. */
export type ReplayFilter = Omit<NewReplay, "planned_count">;

const CHUNK_MAX = 500;
/** Batches that one chunk looks through, however rare what it looks for. */
const BATCHES_PER_CHUNK = 20;
/** A batch is uploaded before its webhooks are due: by the delay, and by as much as we may be late. */
const LATENESS_DAYS_MAX = 7;
/** What fell due this moment is on its way and not missing. */
const MISSING_AFTER_SECONDS = 60;
const NO_ENDPOINT_ID = "00000000-0000-0000-0000-000000000000";

/** How many deliveries a replay would queue now. */
export async function countReplay(
  trx: Transaction<Database>,
  filter: ReplayFilter,
): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*)::int as count from ingest.batches as b
    cross join lateral (${candidates(filter)}) as found
    where ${isCovered(filter)}`.execute(trx);
  return rows[0]?.count ?? 0;
}

/** The deliveries after the replay's place, oldest batch first, along the indexes of each batch. */
export async function selectChunk(
  trx: Transaction<Database>,
  replay: StoredReplay,
): Promise<ReplayChunk> {
  const batches = await batchesFrom(trx, replay);
  const { rows } = await sql<Candidate & { readonly place: string }>`
    select found.*, b.place
    from unnest(${batches.map(({ batchUuid }) => batchUuid)}::uuid[]) with ordinality
      as b (batch_id, place)
    cross join lateral (
      select * from (${candidates(replay)}) as every
      where b.batch_id is distinct from ${replay.place_batch_id}::uuid or ${isAfterPlace(replay)}
      order by "leadUuid", "orderId" limit ${CHUNK_MAX}) as found
    order by b.place, found."leadUuid", found."orderId" limit ${CHUNK_MAX}`.execute(trx);
  const last = rows.at(-1);
  const isFull = rows.length === CHUNK_MAX;
  const isLast = !isFull && batches.length < BATCHES_PER_CHUNK;
  const batch = isFull ? batches[Number(last?.place) - 1] : batches.at(-1);
  const after = isFull && last ? { leadUuid: last.leadUuid, deliveryId: last.orderId } : null;
  if (replay.scope === "missing") await writeTargets(trx, replay, rows);
  return {
    wakeUps: rows.map((row) => [idOf(row), row.round, row.batchUuid]),
    place: batch ? { ...batch, leadUuid: null, deliveryId: null, ...after } : null,
    isLast,
  };
}

interface Candidate {
  /** Null where the delivery does not exist yet. */
  readonly deliveryId: string | null;
  readonly leadUuid: string;
  readonly endpointId: string;
  readonly batchUuid: string;
  readonly round: number;
  /** Second in the order, after the lead. */
  readonly orderId: string;
}

function idOf({ deliveryId, leadUuid, endpointId }: Candidate): string {
  return deliveryId ?? deliveryIdOf(leadUuid, endpointId);
}

function candidates(filter: ReplayFilter): RawBuilder<unknown> {
  return filter.scope === "missing" ? missingOf(filter) : storedOf(filter);
}

/** Along deliveries_of_batch; `b` is the batch. The next round is theirs alone to be woken in. */
function storedOf(filter: ReplayFilter): RawBuilder<unknown> {
  // The second condition is deliveries_waiting's: an endpoint's held ones are few among many.
  const isWanted =
    filter.scope === "held"
      ? sql`d.state = 'held' and d.wait_reason is not null`
      : sql`d.state in ('exhausted', 'no_endpoint')`;
  // What is held for an endpoint that was deleted is woken to be cancelled.
  const hasEndpoint =
    filter.scope === "held"
      ? sql`true`
      : sql`(d.state = 'no_endpoint' or exists (
          select from ingest.endpoints as e where e.endpoint_id = d.endpoint_id))`;
  return sql`
    select d.delivery_id as "deliveryId", d.lead_uuid as "leadUuid", d.endpoint_id as "endpointId",
      d.batch_id as "batchUuid", d.round + 1 as round, d.delivery_id as "orderId"
    from delivery.deliveries as d
    where d.batch_id = b.batch_id and d.tenant_id = ${filter.tenant_id}
      and ${isWanted} and ${hasEndpoint}
      and ${equals(sql`d.endpoint_id`, filter.endpoint_id)}
      and ${isWithin(sql`d.created_at`, filter)}`;
}

/** Leads that are due and which an endpoint that wants them has not got; round 0, as for the first. */
function missingOf(filter: ReplayFilter): RawBuilder<unknown> {
  return sql`
    select null::uuid as "deliveryId", l.lead_uuid as "leadUuid", e.endpoint_id as "endpointId",
      l.batch_id as "batchUuid", 0 as round, e.endpoint_id as "orderId"
    from validation.leads as l
    join ingest.endpoints as e on e.tenant_id = ${filter.tenant_id}
      and (e.send = 'all' or e.send = l.status)
      and ${equals(sql`e.endpoint_id`, filter.endpoint_id)}
    where l.batch_id = b.batch_id and l.tenant_id = ${filter.tenant_id} and l.status <> 'skipped'
      and l.erased_at is null
      and l.webhook_scheduled_for < now() - ${MISSING_AFTER_SECONDS} * interval '1 second'
      and ${isWithin(sql`l.webhook_scheduled_for`, filter)}
      and not exists (
        select from delivery.deliveries as d
        where d.batch_id = l.batch_id and d.lead_uuid = l.lead_uuid
          and d.endpoint_id in (e.endpoint_id, ${NO_ENDPOINT_ID}))`;
}

function equals(column: RawBuilder<unknown>, wanted: string | null | undefined) {
  return wanted === null || wanted === undefined ? sql`true` : sql`${column} = ${wanted}`;
}

function isWithin(column: RawBuilder<unknown>, { from_at: from, to_at: to }: ReplayFilter) {
  const begins = from === null || from === undefined ? sql`true` : sql`${column} >= ${from}`;
  return sql`${begins} and ${column} <= ${to}`;
}

/** Along batches_newest. Nothing of a cancelled batch is sent again. */
function isCovered(filter: ReplayFilter): RawBuilder<unknown> {
  const begins =
    filter.from_at === null || filter.from_at === undefined
      ? sql`true`
      : sql`b.created_at >= ${filter.from_at}::timestamptz
          - b.webhook_delay_ms * interval '1 millisecond'
          - ${LATENESS_DAYS_MAX} * interval '1 day'`;
  return sql`b.tenant_id = ${filter.tenant_id} and b.cancelled_at is null
    and b.created_at <= ${filter.to_at} and ${equals(sql`b.batch_id`, filter.batch_id)} and ${begins}`;
}

async function batchesFrom(trx: Transaction<Database>, replay: StoredReplay) {
  const { place_created_at: createdAt, place_batch_id: batchUuid, place_lead_uuid: lead } = replay;
  // Read back in SQL: a Date would cut the microseconds and find the batch again for ever.
  const isAhead =
    createdAt === null
      ? sql`true`
      : sql`(b.created_at, b.batch_id) ${lead === null ? sql`>` : sql`>=`}
          ((select place_created_at from ingest.replays where replay_id = ${replay.replay_id}),
           ${batchUuid}::uuid)`;
  const { rows } = await sql<{ batchUuid: string; createdAt: string }>`
    select b.batch_id as "batchUuid",
      to_char(b.created_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as "createdAt"
    from ingest.batches as b where ${isCovered(replay)} and ${isAhead}
    order by b.created_at, b.batch_id limit ${BATCHES_PER_CHUNK}`.execute(trx);
  return rows;
}

function isAfterPlace({ place_lead_uuid: lead, place_id: id }: StoredReplay): RawBuilder<unknown> {
  return lead === null ? sql`true` : sql`("leadUuid", "orderId") > (${lead}::uuid, ${id}::uuid)`;
}

/** Before the wake-ups go out, in the transaction that keeps the chunk. */
async function writeTargets(
  trx: Transaction<Database>,
  { replay_id: replayId, tenant_id: tenantId }: StoredReplay,
  rows: readonly Candidate[],
): Promise<void> {
  await sql`
    insert into ingest.replay_targets
      (delivery_id, replay_id, tenant_id, lead_uuid, endpoint_id, batch_id)
    select u.delivery_id, ${replayId}::uuid, ${tenantId}::uuid, u.lead_uuid, u.endpoint_id, u.batch_id
    from unnest(
      ${rows.map(idOf)}::uuid[],
      ${rows.map(({ leadUuid }) => leadUuid)}::uuid[],
      ${rows.map(({ endpointId }) => endpointId)}::uuid[],
      ${rows.map(({ batchUuid }) => batchUuid)}::uuid[]
    ) as u (delivery_id, lead_uuid, endpoint_id, batch_id)
    on conflict do nothing`.execute(trx);
}
