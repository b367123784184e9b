import type { Database } from "@valify/database";
import { type Insertable, type Kysely, type Selectable, sql, type Transaction } from "kysely";

import type { BatchCursor } from "./domain/cursor.ts";

type ReplayRow = Database["ingest.replays"];
export type StoredReplay = Selectable<ReplayRow>;
export type NewReplay = Pick<
  Insertable<ReplayRow>,
  "tenant_id" | "scope" | "endpoint_id" | "batch_id" | "from_at" | "planned_count"
> & { readonly to_at: Date };

/** Any fixed number: replays of one tenant are started one after the other. */
const START_LOCK = 7_205_042;

export async function lockStarts(trx: Transaction<Database>, tenantId: string): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtextextended(${tenantId}, ${START_LOCK}))`.execute(
    trx,
  );
}

/** Few rows: their number is bounded. */
export async function listRunning(
  trx: Transaction<Database>,
  tenantId: string,
): Promise<readonly StoredReplay[]> {
  return trx
    .selectFrom("ingest.replays")
    .selectAll()
    .where("tenant_id", "=", tenantId)
    .where("status", "=", "running")
    .execute();
}

export async function insertReplay(
  trx: Transaction<Database>,
  replay: NewReplay,
): Promise<StoredReplay> {
  return trx.insertInto("ingest.replays").values(replay).returningAll().executeTakeFirstOrThrow();
}

/** By primary key. */
export async function findReplay(
  db: Kysely<Database>,
  tenantId: string,
  replayId: string,
): Promise<StoredReplay | undefined> {
  return db
    .selectFrom("ingest.replays")
    .selectAll()
    .where("replay_id", "=", replayId)
    .where("tenant_id", "=", tenantId)
    .executeTakeFirst();
}

/** Newest first, along replays_newest. `place` as in the list of batches. */
export async function listReplays(
  db: Kysely<Database>,
  listing: {
    readonly tenantId: string;
    readonly after: BatchCursor | undefined;
    readonly limit: number;
  },
): Promise<readonly (StoredReplay & { readonly place: string })[]> {
  const { tenantId, after, limit } = listing;
  return db
    .selectFrom("ingest.replays")
    .selectAll()
    .select(
      sql<string>`to_char(created_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`.as(
        "place",
      ),
    )
    .where("tenant_id", "=", tenantId)
    .$if(after !== undefined, (select) =>
      select.where(
        sql<boolean>`(created_at, replay_id) <
          (${after?.createdAt ?? null}::timestamptz, ${after?.batchUuid ?? null}::uuid)`,
      ),
    )
    .orderBy("created_at", "desc")
    .orderBy("replay_id", "desc")
    .limit(limit)
    .execute();
}

/** What is being published at that moment still goes out; nothing after it. */
export async function cancelReplay(
  trx: Transaction<Database>,
  tenantId: string,
  replayId: string,
): Promise<StoredReplay | undefined> {
  return trx
    .updateTable("ingest.replays")
    .set({ status: "cancelled", ended_at: sql`now()`, chunk: null })
    .where("replay_id", "=", replayId)
    .where("tenant_id", "=", tenantId)
    .where("status", "=", "running")
    .returningAll()
    .executeTakeFirst();
}

/** Longer than publishing a chunk takes, even where the broker hesitates. */
const LEASE_SECONDS = 30;

/** The running replay that was worked on longest ago and is nobody's; along replays_running. */
export async function claimReplay(
  trx: Transaction<Database>,
  leaseToken: string,
): Promise<StoredReplay | undefined> {
  const { rows } = await sql<StoredReplay>`
    update ingest.replays set lease_token = ${leaseToken}, worked_at = now(),
      lease_until = now() + ${LEASE_SECONDS} * interval '1 second'
    where replay_id = (
      select replay_id from ingest.replays
      where status = 'running' and (lease_until is null or lease_until < now())
      order by worked_at limit 1 for update skip locked)
    returning *`.execute(trx);
  return rows[0];
}

export interface ReplayPlace {
  readonly createdAt: string;
  readonly batchUuid: string;
  readonly leadUuid: string | null;
  readonly deliveryId: string | null;
}

export interface ReplayChunk {
  /** Delivery, round and batch of each wake-up. */
  readonly wakeUps: readonly (readonly [string, number, string])[];
  readonly place: ReplayPlace | null;
  readonly isLast: boolean;
}

/** False: the replay was cancelled, or somebody else has taken it over. */
export async function storeChunk(
  trx: Transaction<Database>,
  leaseToken: string,
  { replay_id: replayId }: StoredReplay,
  { wakeUps, place, isLast }: ReplayChunk,
): Promise<boolean> {
  const result = await trx
    .updateTable("ingest.replays")
    .set({ chunk: JSON.stringify(wakeUps), is_last_chunk: isLast })
    .$if(place !== null, (update) =>
      update.set({
        place_created_at: place?.createdAt ?? null,
        place_batch_id: place?.batchUuid ?? null,
        place_lead_uuid: place?.leadUuid ?? null,
        place_id: place?.deliveryId ?? null,
      }),
    )
    .where("replay_id", "=", replayId)
    .where("lease_token", "=", leaseToken)
    .where("status", "=", "running")
    .executeTakeFirst();
  return result.numUpdatedRows > 0n;
}

/** The chunk is published: counted once, by whoever still holds the lease. */
export async function finishChunk(
  trx: Transaction<Database>,
  leaseToken: string,
  { replay_id: replayId }: StoredReplay,
  queuedCount: number,
): Promise<void> {
  await sql`
    update ingest.replays set chunk = null, queued_count = queued_count + ${queuedCount},
      lease_token = null, lease_until = null, worked_at = now(),
      status = case when is_last_chunk then 'completed' else status end,
      ended_at = case when is_last_chunk then now() end
    where replay_id = ${replayId} and lease_token = ${leaseToken} and status = 'running'`.execute(
    trx,
  );
}

/** Publishing failed: the chunk stays, for whoever comes next. */
export async function releaseReplay(
  trx: Transaction<Database>,
  leaseToken: string,
  { replay_id: replayId }: StoredReplay,
): Promise<void> {
  await trx
    .updateTable("ingest.replays")
    .set({ lease_token: null, lease_until: null })
    .where("replay_id", "=", replayId)
    .where("lease_token", "=", leaseToken)
    .execute();
}
