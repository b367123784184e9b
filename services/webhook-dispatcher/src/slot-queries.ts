import { arrayLiteral, type Database } from "@valify/database";
import { type Kysely, sql } from "kysely";

/** Slots wanted on one rate-limited endpoint. */
export interface SlotRequest {
  readonly endpointId: string;
  readonly count: number;
  /** Above zero. */
  readonly ratePerSecond: number;
}

/**
 * Reserves consecutive slots for each endpoint, shared by every dispatcher through the row's lock.
 * Returns how many milliseconds from now the first of each is; slot n follows n / rate seconds
 * later. One row per endpoint may be asked for; sorted, so that two dispatchers never deadlock.
 */
export async function reserveSlots(
  db: Kysely<Database>,
  requests: readonly SlotRequest[],
): Promise<ReadonlyMap<string, number>> {
  const { rows } = await sql<{ endpointId: string; waitMs: number }>`
    insert into delivery.slots as s (endpoint_id, next_free)
    select u.endpoint_id, now() + u.seconds * interval '1 second'
    from unnest(
      ${arrayLiteral(requests.map((request) => request.endpointId))}::uuid[],
      ${arrayLiteral(requests.map((request) => request.count / request.ratePerSecond))}::float8[]
    ) as u (endpoint_id, seconds)
    order by u.endpoint_id
    on conflict (endpoint_id) do update
      set next_free = greatest(s.next_free, now()) + (excluded.next_free - now())
    returning s.endpoint_id as "endpointId",
      (extract(epoch from s.next_free - now()) * 1000)::float8 as "waitMs"`.execute(db);
  return firstSlots(requests, rows);
}

/** Slots from an instant on, for deliveries that are held until then. */
export interface LaterSlotRequest extends SlotRequest {
  readonly delayMs: number;
}

/**
 * The same, but none before `delayMs` from now: what was held comes back at the endpoint's rate,
 * behind what was held before it.
 */
export async function reserveLaterSlots(
  db: Kysely<Database>,
  requests: readonly LaterSlotRequest[],
): Promise<ReadonlyMap<string, number>> {
  const { rows } = await sql<{ endpointId: string; waitMs: number }>`
    with wanted as materialized (
      select endpoint_id, seconds * interval '1 second' as taken,
        delay_ms * interval '1 millisecond' as delay
      from unnest(
        ${arrayLiteral(requests.map((request) => request.endpointId))}::uuid[],
        ${arrayLiteral(requests.map((request) => request.count / request.ratePerSecond))}::float8[],
        ${arrayLiteral(requests.map((request) => request.delayMs))}::float8[]
      ) as u (endpoint_id, seconds, delay_ms)
      order by endpoint_id)
    insert into delivery.slots as s (endpoint_id, next_free)
    select endpoint_id, now() + delay + taken from wanted
    on conflict (endpoint_id) do update
      set next_free = (
        select greatest(s.next_free, now() + w.delay) + w.taken
        from wanted as w where w.endpoint_id = excluded.endpoint_id)
    returning s.endpoint_id as "endpointId",
      (extract(epoch from s.next_free - now()) * 1000)::float8 as "waitMs"`.execute(db);
  return firstSlots(requests, rows);
}

/** From the end of what was reserved back to its beginning. */
function firstSlots(
  requests: readonly SlotRequest[],
  rows: readonly { readonly endpointId: string; readonly waitMs: number }[],
): ReadonlyMap<string, number> {
  const wanted = new Map(requests.map((request) => [request.endpointId, request]));
  return new Map(
    rows.map(({ endpointId, waitMs }) => {
      const { count = 0, ratePerSecond = 1 } = wanted.get(endpointId) ?? {};
      return [endpointId, waitMs - (count / ratePerSecond) * 1_000];
    }),
  );
}
