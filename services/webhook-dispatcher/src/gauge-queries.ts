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
