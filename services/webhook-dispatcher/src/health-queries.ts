import type { Database, EndpointState } from "@valify/database";
import { type Kysely, sql, type Transaction } from "kysely";

import { sinceActivation } from "./domain/admit-delivery.ts";
import {
  type DisabledReason,
  type EndpointHealth,
  healthAfter,
  type HealthSignal,
  HEALTHY,
} from "./domain/endpoint-health.ts";
import { addToRecent, type MinuteCount } from "./domain/recent-counts.ts";

export interface StoredHealth {
  readonly health: EndpointHealth;
  readonly updatedAt: Date;
}

/** What was learnt of one endpoint since the last note. */
export interface HealthNote {
  readonly endpointId: string;
  readonly tenantId: string;
  readonly activatedAt: Date;
  /** Successes of the last minutes that nobody had to be told of when they came. */
  readonly successes: readonly MinuteCount[];
  readonly signals: readonly HealthSignal[];
}

/** A row as `to_json` shows it. */
export interface HealthRow {
  readonly endpoint_id: string;
  readonly state: EndpointState;
  readonly consecutive_failures: number;
  readonly failing_since: string | null;
  readonly recent: readonly MinuteCount[];
  readonly probe_at: string | null;
  readonly probe_delay_ms: number;
  readonly throttled_since: string | null;
  readonly paused_until: string | null;
  readonly disabled_at: string | null;
  readonly disabled_reason: DisabledReason | null;
  readonly updated_at: string;
}

export function storedHealthOf(row: HealthRow): StoredHealth {
  const health: EndpointHealth = {
    state: row.state,
    consecutiveFailures: row.consecutive_failures,
    failingSince: dateOf(row.failing_since),
    recent: row.recent,
    probeAt: dateOf(row.probe_at),
    probeDelayMs: row.probe_delay_ms,
    throttledSince: dateOf(row.throttled_since),
    pausedUntil: dateOf(row.paused_until),
    disabledAt: dateOf(row.disabled_at),
    disabledReason: row.disabled_reason,
  };
  return { health, updatedAt: new Date(row.updated_at) };
}

const dateOf = (text: string | null) => (text === null ? null : new Date(text));

/**
 * Brings the endpoints' health up to date, each row under its lock, so that dispatchers add to each
 * other's counts. One note per endpoint; sorted, so that two dispatchers never deadlock.
 */
export async function noteSignals(
  db: Kysely<Database>,
  notes: readonly HealthNote[],
  now: Date,
): Promise<ReadonlyMap<string, StoredHealth>> {
  const ordered = notes.toSorted((a, b) => (a.endpointId < b.endpointId ? -1 : 1));
  return db.transaction().execute(async (trx) => {
    await insertMissing(trx, ordered);
    const rows = await lockRows(
      trx,
      ordered.map(({ endpointId }) => endpointId),
    );
    const after = new Map(
      ordered.map((note) => [note.endpointId, healthOfNote(note, rows.get(note.endpointId))]),
    );
    await storeRows(trx, after, now);
    return new Map([...after].map(([id, health]) => [id, { health, updatedAt: now }]));
  });
}

function healthOfNote(note: HealthNote, row: HealthRow | undefined): EndpointHealth {
  const stored = row === undefined ? undefined : storedHealthOf(row);
  const known = stored && sinceActivation(stored.health, note.activatedAt, stored.updatedAt);
  const before = known ?? HEALTHY;
  const recent = note.successes.reduce<readonly MinuteCount[]>(
    (counts, { minute, successes }) =>
      addToRecent(counts, new Date(minute * 60_000), { failures: 0, successes }),
    before.recent,
  );
  return note.signals.reduce(healthAfter, { ...before, recent });
}

/** A row older than every activation: it says nothing yet. */
async function insertMissing(trx: Transaction<Database>, notes: readonly HealthNote[]) {
  await sql`
    insert into delivery.endpoint_health (endpoint_id, tenant_id, state, consecutive_failures,
      recent, probe_delay_ms, updated_at)
    select u.endpoint_id, u.tenant_id, 'healthy', 0, '[]', ${HEALTHY.probeDelayMs}, to_timestamp(0)
    from unnest(
      ${notes.map(({ endpointId }) => endpointId)}::uuid[],
      ${notes.map(({ tenantId }) => tenantId)}::uuid[]
    ) as u (endpoint_id, tenant_id)
    order by u.endpoint_id
    on conflict do nothing`.execute(trx);
}

async function lockRows(trx: Transaction<Database>, endpointIds: readonly string[]) {
  const { rows } = await sql<{ row: HealthRow }>`
    select to_json(h) as row from delivery.endpoint_health as h
    where endpoint_id = any (${endpointIds}::uuid[])
    order by endpoint_id for update`.execute(trx);
  return new Map(rows.map(({ row }) => [row.endpoint_id, row]));
}

async function storeRows(
  trx: Transaction<Database>,
  after: ReadonlyMap<string, EndpointHealth>,
  now: Date,
): Promise<void> {
  const all = [...after.values()];
  await sql`
    update delivery.endpoint_health as h
    set state = u.state, consecutive_failures = u.consecutive_failures,
      failing_since = u.failing_since, recent = u.recent, probe_at = u.probe_at,
      probe_delay_ms = u.probe_delay_ms, throttled_since = u.throttled_since,
      paused_until = u.paused_until, disabled_at = u.disabled_at,
      disabled_reason = u.disabled_reason,
      -- Each time it is disabled is an event of its own.
      disabled_announced_at = case when h.disabled_at is distinct from u.disabled_at
        then null else h.disabled_announced_at end,
      updated_at = ${now}
    from unnest(
      ${[...after.keys()]}::uuid[],
      ${all.map(({ state }) => state)}::text[],
      ${all.map(({ consecutiveFailures }) => consecutiveFailures)}::int[],
      ${all.map(({ failingSince }) => failingSince)}::timestamptz[],
      ${all.map(({ recent }) => JSON.stringify(recent))}::json[],
      ${all.map(({ probeAt }) => probeAt)}::timestamptz[],
      ${all.map(({ probeDelayMs }) => probeDelayMs)}::int[],
      ${all.map(({ throttledSince }) => throttledSince)}::timestamptz[],
      ${all.map(({ pausedUntil }) => pausedUntil)}::timestamptz[],
      ${all.map(({ disabledAt }) => disabledAt)}::timestamptz[],
      ${all.map(({ disabledReason }) => disabledReason)}::text[]
    ) as u (endpoint_id, state, consecutive_failures, failing_since, recent, probe_at,
      probe_delay_ms, throttled_since, paused_until, disabled_at, disabled_reason)
    where h.endpoint_id = u.endpoint_id`.execute(trx);
}

/**
 * Takes the probes that are due, each by one dispatcher alone: whoever moves `probe_at` has it. If
 * that one dies, the next delivery after `until` is the probe. Returns whose were taken.
 */
export async function claimProbes(
  db: Kysely<Database>,
  endpointIds: readonly string[],
  now: Date,
  until: Date,
): Promise<ReadonlySet<string>> {
  const { rows } = await sql<{ endpointId: string }>`
    update delivery.endpoint_health set probe_at = ${until}, updated_at = ${now}
    where endpoint_id = any (${endpointIds}::uuid[]) and state = 'open' and probe_at <= ${now}
    returning endpoint_id as "endpointId"`.execute(db);
  return new Set(rows.map(({ endpointId }) => endpointId));
}
