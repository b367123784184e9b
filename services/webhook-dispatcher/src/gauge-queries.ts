import type { Database, WaitReason } from "@valify/database";
import { type Kysely, sql } from "kysely";

export interface Count<Label extends string> {
  readonly label: Label;
  readonly count: number;
}

/** What waits or is held, by what for, along deliveries_waiting alone. */
export async function countWaiting(db: Kysely<Database>): Promise<readonly Count<WaitReason>[]> {
  const { rows } = await sql<Count<WaitReason>>`
    select wait_reason as label, count(*)::float8 as count
    from delivery.deliveries where wait_reason is not null group by wait_reason`.execute(db);
  return rows;
}

/** Every endpoint there is, by how it does; a disabling that an activation outdated is none. */
export async function countEndpoints(db: Kysely<Database>): Promise<readonly Count<string>[]> {
  const { rows } = await sql<Count<string>>`
    select case when e.status <> 'active' then 'paused'
        when h.state is null or coalesce(h.disabled_at, h.updated_at) <= e.activated_at
          then 'healthy'
        else h.state end as label,
      count(*)::float8 as count
    from ingest.endpoints as e left join delivery.endpoint_health as h using (endpoint_id)
    group by 1`.execute(db);
  return rows;
}

/** Open endpoints that have failed for at least each of these times, without a success between. */
export async function countFailing(
  db: Kysely<Database>,
  atLeastMs: readonly number[],
): Promise<readonly number[]> {
  const { rows } = await sql<{ count: number }>`
    select count(h.endpoint_id)::float8 as count
    from unnest(${sql.val([...atLeastMs])}::float8[]) with ordinality as t (ms, position)
      left join (delivery.endpoint_health as h
        join ingest.endpoints as e using (endpoint_id))
      on h.state = 'open' and e.status = 'active' and h.updated_at > e.activated_at
        and h.failing_since <= now() - t.ms * interval '1 millisecond'
    group by t.position order by t.position`.execute(db);
  return rows.map(({ count }) => count);
}
