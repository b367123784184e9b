import { LANE_COUNT } from "./domain/lane.ts";
import type { Leaf } from "./domain/leaf.ts";

export interface Claim {
  readonly leaf: Leaf;
  /** Rows due before this are not looked at: it skips the dead entries of rows long gone. */
  readonly from: Date;
  readonly lookAheadMs: number;
  readonly limit: number;
  /** A claim that brings fewer rows than this left nothing behind in any lane. */
  readonly limitPerLane: number;
  /** Rotates from claim to claim, so that no lane is always last. */
  readonly firstLane: number;
  /** Tenants to pass over; mostly none. With some, lanes have no share: {@link claimPastStatement}. */
  readonly withoutTenants: readonly string[];
}

/**
 * The claim must walk its index whatever the statistics say: planned on an empty leaf, Postgres 15
 * chose a sequential scan and took 170 times as long on a full one. These settings leave it no other
 * way (`claim.db.test.ts` explains the very statement on such a connection), and a frozen
 * process or a dead host gives its rows back long before the stream forgets message ids.
 */
export const CLAIM_SETTINGS = {
  plan_cache_mode: "force_generic_plan",
  enable_seqscan: "off",
  enable_bitmapscan: "off",
  jit: "off",
  // The mark alone: a lost one publishes again under the same id. Inserts have a pool of their own.
  synchronous_commit: "off",
  lock_timeout: "1s",
  tcp_keepalives_idle: "5",
  tcp_keepalives_interval: "2",
  tcp_keepalives_count: "3",
  tcp_user_timeout: "10s",
  client_connection_check_interval: "1s",
} as const;

/** As `pg` takes it: rows as arrays, in the order of {@link claimStatement}'s last clause. */
export interface Statement {
  /** Postgres plans it once per connection, which is a third of what a claim would cost. */
  readonly name: string;
  readonly text: string;
  readonly values: unknown[];
  readonly rowMode: "array";
}

const LANES = `generate_series(0, ${LANE_COUNT - 1}) as s (i)`;

/**
 * Takes up to `limit` rows of one leaf, a bounded share of each lane, and enters them in the ledger.
 * In an open transaction this DELETE is the claim, COMMIT after the publish is the mark, and a
 * ROLLBACK or a crash puts every row back. SKIP LOCKED passes over what another replica holds.
 *
 * `statement_timestamp()` can bound the primary key, `clock_timestamp()` can not.
 */
export function claimStatement(claim: Claim): Statement {
  const leaf = claim.leaf.name;
  return {
    name: `claim_${leaf}`,
    rowMode: "array",
    values: [claim.from, claim.lookAheadMs, claim.limitPerLane, claim.firstLane, claim.limit],
    text: take(
      leaf,
      `select x.ctid from ${LANES}
       cross join lateral (
         select t.ctid from ${leaf} as t
         where t.lane = ((s.i + $4::int) % ${LANE_COUNT}) and t.due_at >= $1::timestamptz
           and t.due_at < statement_timestamp() + $2::float8 * interval '1 millisecond'
         order by t.due_at, t.id
         limit $3::int for update skip locked) as x
       limit $5::int`,
    ),
  };
}

/** For the transaction of a {@link claimPastStatement}, which makes its plan under them. */
export const CLAIM_PAST_SETTINGS =
  "set local enable_bitmapscan = on; set local enable_indexscan = off";

const ALL_LANES = `'{${Array.from({ length: LANE_COUNT }, (_, lane) => lane).join(",")}}'`;

/**
 * The claim that passes over the tenants of a herd. It has to read all of the herd, and there along
 * the index is the slow way: rows of one instant lie in the order of their ids, at random in the
 * table. A bitmap of the same stretch of the index reads each page once, in the table's order.
 */
export function claimPastStatement(claim: Claim): Statement {
  const leaf = claim.leaf.name;
  return {
    name: `claim_past_${leaf}`,
    rowMode: "array",
    values: [claim.from, claim.lookAheadMs, claim.limit, claim.withoutTenants],
    text: take(
      leaf,
      `select t.ctid from ${leaf} as t
       where t.lane = any (${ALL_LANES}::smallint[]) and t.due_at >= $1::timestamptz
         and t.due_at < statement_timestamp() + $2::float8 * interval '1 millisecond'
         and t.tenant_id <> all ($4::uuid[])
       order by t.due_at limit $3::int for update skip locked`,
    ),
  };
}

/**
 * Moves rows from a leaf to the ledger. The ctid is sound since rows are never updated and the same
 * statement locks them. Times come in microseconds: a Date would cut them and fire early.
 */
function take(leaf: string, ctids: string): string {
  return `
    with d as (
      delete from ${leaf} where ctid = any (array(${ctids}))
      returning due_at, id, tenant_id, batch_id, round, lane, kind)
    insert into scheduling.emitted as e (due_at, id, tenant_id, batch_id, round, lane, kind)
    select due_at, id, tenant_id, batch_id, round, lane, kind from d
    returning e.id, e.tenant_id, e.batch_id, e.round, e.lane, e.kind,
      (extract(epoch from e.due_at) * 1000000)::bigint,
      (extract(epoch from clock_timestamp()) * 1000000)::bigint,
      exists (select 1 from scheduling.cancelled_batch c where c.batch_id = e.batch_id)`;
}

/** Any fixed number: one replica at a time sweeps. */
const SWEEP_LOCK = 7_205_003;

/**
 * Is anything due in this leaf? And what time is it? One cheap statement without a transaction,
 * which is all that an idle loop costs. With `sweepFrom` it looks from there, unless another replica
 * is just sweeping.
 */
export function probeStatement(
  probe: Pick<Claim, "leaf" | "from" | "lookAheadMs"> & { readonly sweepFrom: Date | undefined },
): Statement {
  return {
    name: `probe_${probe.leaf.name}`,
    rowMode: "array",
    values: [probe.from, probe.lookAheadMs, probe.sweepFrom ?? null],
    text: `
      select exists (
        select 1 from ${LANES}
        cross join lateral (
          select 1 from ${probe.leaf.name} as t
          where t.lane = s.i
            and t.due_at >= (select case
              when $3::timestamptz is not null and pg_try_advisory_xact_lock(${SWEEP_LOCK})
              then $3::timestamptz else $1::timestamptz end)
            and t.due_at < statement_timestamp() + $2::float8 * interval '1 millisecond'
          order by t.due_at limit 1) as x),
        (extract(epoch from clock_timestamp()) * 1000000)::bigint`,
  };
}
