import { batchUploaded, type BatchUploaded, uuidOfBatchId } from "@valify/contracts";
import type { Database } from "@valify/database";
import { type Kysely, sql } from "kysely";

/** A repeat changes nothing: the batch keeps its place. */
export async function enqueueBatch(db: Kysely<Database>, event: BatchUploaded): Promise<void> {
  await db
    .insertInto("validation.queue")
    .values({
      batch_id: uuidOfBatchId(event.batch_id),
      tenant_id: event.tenant_id,
      event: JSON.stringify(event),
      is_high: event.priority === "high",
      total_leads: event.total_leads,
    })
    .onConflict((conflict) => conflict.column("batch_id").doNothing())
    .execute();
}

export interface Pick {
  readonly batchUuid: string;
  readonly event: BatchUploaded;
  /** This one included. */
  readonly attempts: number;
}

export interface PickRules {
  /** Larger batches are left for another slot; null: any size. */
  readonly leadsMax: number | null;
  /** At work in this process: their lease may not be there yet. */
  readonly except: readonly string[];
}

/**
 * Whose turn it is: high priority first; then the tenant with the fewest batches at work, of those
 * the one whose last turn is longest ago; of one tenant the batch that came first. Of all that wait
 * only each tenant's first is compared, and only runs at work are counted, by the index runs_at_work.
 *
 * Two that ask at once may get the same: then the claim of the run decides.
 */
export async function pickBatch(
  db: Kysely<Database>,
  { leadsMax, except }: PickRules,
): Promise<Pick | undefined> {
  const { rows } = await sql<{ batchUuid: string; event: unknown; attempts: number }>`
    with first as (
      select distinct on (q.tenant_id) q.batch_id, q.tenant_id, q.is_high, q.queued_at
      from validation.queue as q left join validation.runs as r on r.batch_id = q.batch_id
      where q.not_before <= clock_timestamp() and q.batch_id <> all(${[...except]}::uuid[])
        and (r.lease_until is null or r.lease_until <= clock_timestamp())
        and (q.is_high or ${leadsMax}::int is null or q.total_leads <= ${leadsMax}::int)
      order by q.tenant_id, q.is_high desc, q.queued_at),
    at_work as (
      select tenant_id, count(*) as count from validation.runs
      where status = 'processing' and lease_until > clock_timestamp() group by tenant_id),
    next as (
      select first.batch_id from first left join at_work using (tenant_id)
      order by first.is_high desc, coalesce(at_work.count, 0),
        (select max(started_at) from validation.runs as r
         where r.tenant_id = first.tenant_id) nulls first,
        first.queued_at
      limit 1)
    update validation.queue as q set attempts = q.attempts + 1
    from next where q.batch_id = next.batch_id
    returning q.batch_id as "batchUuid", q.event, q.attempts`.execute(db);
  const [picked] = rows;
  if (picked === undefined) return undefined;
  return { ...picked, event: batchUploaded.schema.parse(picked.event) };
}

/** After an error: others first, this one again in a while. */
export async function postponeBatch(
  db: Kysely<Database>,
  batchUuid: string,
  delayMs: number,
): Promise<void> {
  await sql`
    update validation.queue
    set not_before = clock_timestamp() + ${delayMs} * interval '1 millisecond'
    where batch_id = ${batchUuid}`.execute(db);
}

/** Its run has ended, and everybody was told. */
export async function leaveQueue(db: Kysely<Database>, batchUuid: string): Promise<void> {
  await db.deleteFrom("validation.queue").where("batch_id", "=", batchUuid).execute();
}
