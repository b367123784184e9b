import type { Database } from "@valify/database";
import { type Kysely, sql } from "kysely";

import type { Replicas } from "./domain/replica-share.ts";

/** How often each replica says that it is there. */
export const BEAT_MS = 3_000;
/** Three beats missed: gone. Only the database's clock says so, and it may be set in both directions. */
const ABSENT_MS = 3 * BEAT_MS;

/** `wasSeen`: this replica has not been absent since its last beat, for anybody. */
export interface Sighting extends Replicas {
  readonly wasSeen: boolean;
}

/**
 * Says that this replica is there, and who else is. Each writes its own row alone, so nobody waits. The
 * select sees the table as it was before: what it has of this replica's own row is the last beat.
 */
export async function noteReplica(db: Kysely<Database>, replicaId: string): Promise<Sighting> {
  const { rows } = await sql<Sighting>`
    with noted as (
      insert into delivery.replicas (replica_id, seen_at) values (${replicaId}, now())
      on conflict (replica_id) do update set seen_at = excluded.seen_at)
    select (1 + count(*) filter (where replica_id <> ${replicaId}))::float8 as live,
      (count(*) filter (where replica_id < ${replicaId}))::float8 as rank,
      coalesce(bool_or(replica_id = ${replicaId}), false) as "wasSeen"
    from delivery.replicas where ${isLive}`.execute(db);
  return rows[0] ?? { live: 1, rank: 0, wasSeen: false };
}

/** The others need not wait until it is missed. */
export async function forgetReplica(db: Kysely<Database>, replicaId: string): Promise<void> {
  await sql`delete from delivery.replicas where replica_id = ${replicaId}`.execute(db);
}

/** What processes left behind that were killed. Returns how many. */
export async function removeAbsent(db: Kysely<Database>): Promise<number> {
  const { numAffectedRows } = await sql`
    delete from delivery.replicas where not ${isLive}`.execute(db);
  return Number(numAffectedRows ?? 0);
}

const absence = sql`${sql.lit(ABSENT_MS)} * interval '1 millisecond'`;
const isLive = sql`(seen_at between now() - ${absence} and now() + ${absence})`;
