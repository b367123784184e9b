import type { Database } from "@valify/database";
import { type Kysely, sql } from "kysely";

import type { Run } from "./run-queries.ts";

export interface Claims {
  /** Hexadecimal digits of each lead's hash, none twice. */
  readonly hashes: readonly string[];
  /** For each hash whether it claims to be the first; the others are only looked up. */
  readonly areClaims: readonly boolean[];
  readonly tenantId: string;
  readonly windowDays: number;
  /** Whether a lead that was seen before is taken all the same: then it was seen last today. */
  readonly takesSeen: boolean;
}

/** Of a hash that is not this batch's own. Null: the person asked to be erased. */
export interface HeldClaim {
  readonly leadHash: string;
  readonly batchUuid: string | null;
  readonly claimedAt: Date;
}

/**
 * Claims the leads of a chunk, and tells which are somebody else's. One statement: of two batches
 * with the same lead the second waits for the first's row and then sees it. In the order of the
 * hashes, so that two chunks never wait for each other. Fenced by the run's token. A repeat after a
 * crash finds the batch's own claims and gives the same answer.
 *
 * A claim is free again when its window is over, or when its batch failed or was cancelled.
 */
export async function claimLeads(
  db: Kysely<Database>,
  { batchUuid, leaseToken }: Run,
  claims: Claims,
): Promise<readonly HeldClaim[]> {
  const { tenantId, windowDays, takesSeen } = claims;
  // As text: an array parameter would be escaped value by value in JavaScript.
  const hashes = `{${claims.hashes.join(",")}}`;
  const areClaims = `{${claims.areClaims.join(",")}}`;
  const { rows } = await sql<HeldClaim>`
    with held as materialized (
      select from validation.runs
      where batch_id = ${batchUuid} and lease_token = ${leaseToken} and status = 'processing'),
    asked as materialized (
      select lead_hash, is_claim
      from unnest(${hashes}::uuid[], ${areClaims}::boolean[]) as asked (lead_hash, is_claim)
      where exists (select from held)),
    suppressed as materialized (
      select s.lead_hash, s.created_at
      from validation.suppressions as s join asked using (lead_hash)),
    claimed as (
      insert into validation.lead_claims as claim
        (lead_hash, tenant_id, batch_id, claimed_at, seen_at)
      select lead_hash, ${tenantId}::uuid, ${batchUuid}::uuid, clock_timestamp(), clock_timestamp()
      from asked
      where is_claim and not exists (select from suppressed as s where s.lead_hash = asked.lead_hash)
      order by lead_hash
      on conflict (lead_hash) do update set (batch_id, claimed_at, seen_at) = (
        select
          case when is_free then excluded.batch_id else claim.batch_id end,
          case when is_free then excluded.claimed_at else claim.claimed_at end,
          case when is_free or ${takesSeen} then excluded.seen_at else claim.seen_at end
        from (
          select claim.seen_at < clock_timestamp() - ${windowDays} * interval '1 day'
            or exists (
              select from validation.runs as r where r.batch_id = claim.batch_id
                and (r.status in ('failed', 'cancelled') or r.cancelled_at is not null)) as is_free
        ) as state)
      returning lead_hash, batch_id, claimed_at)
    select replace(lead_hash::text, '-', '') as "leadHash", batch_id as "batchUuid",
      claimed_at as "claimedAt"
    from claimed where batch_id <> ${batchUuid}
    union all
    select replace(lead_hash::text, '-', ''), null, created_at from suppressed`.execute(db);
  return rows;
}

/** Which of these hashes are of people who asked to be erased. By primary key. */
export async function findSuppressed(
  db: Kysely<Database>,
  hashes: readonly string[],
): Promise<readonly HeldClaim[]> {
  const { rows } = await sql<HeldClaim>`
    select replace(lead_hash::text, '-', '') as "leadHash", null as "batchUuid",
      created_at as "claimedAt"
    from validation.suppressions
    where lead_hash = any (${`{${hashes.join(",")}}`}::uuid[])`.execute(db);
  return rows;
}

/** Along the index by age. No batch looks back so far. */
export async function deleteOldClaims(
  db: Kysely<Database>,
  { before, rowsMax }: { readonly before: Date; readonly rowsMax: number },
): Promise<number> {
  const { numAffectedRows = 0n } = await sql`
    delete from validation.lead_claims where ctid = any(array(
      select ctid from validation.lead_claims where seen_at < ${before} limit ${rowsMax}))
      and seen_at < ${before}`.execute(db);
  return Number(numAffectedRows);
}
