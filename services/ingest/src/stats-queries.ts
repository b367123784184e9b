import type { WorkerStats } from "@valify/contracts/api";
import type { Database } from "@valify/database";
import { type Kysely, sql } from "kysely";

/** Of the whole installation: the queue holds what is waiting or at work, and nothing else. */
export async function countWaitingBatches(
  db: Kysely<Database>,
): Promise<WorkerStats["validation"]> {
  const { rows } = await sql<WorkerStats["validation"]>`
    select count(*) filter (where not w.at_work) as waiting,
      count(*) filter (where w.at_work) as at_work,
      extract(epoch from now() - min(queued_at) filter (where not w.at_work))::float8
        as oldest_waiting_seconds
    from validation.queue as q cross join lateral (
      select exists (select from validation.runs as r
                     where r.batch_id = q.batch_id and r.lease_until > now()) as at_work) as w
  `.execute(db);
  return rows[0] ?? { waiting: 0, at_work: 0, oldest_waiting_seconds: null };
}

export async function countOutbox(db: Kysely<Database>): Promise<WorkerStats["outbox"]> {
  const { rows } = await sql<WorkerStats["outbox"]>`
    select count(*) as unpublished,
      extract(epoch from now() - min(created_at))::float8 as oldest_seconds
    from ingest.outbox`.execute(db);
  return rows[0] ?? { unpublished: 0, oldest_seconds: null };
}
