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
  const wanted = new Map(requests.map((request) => [request.endpointId, request]));
  return new Map(
    rows.map(({ endpointId, waitMs }) => {
      const { count = 0, ratePerSecond = 1 } = wanted.get(endpointId) ?? {};
      return [endpointId, waitMs - (count / ratePerSecond) * 1_000];
    }),
  );
}
