import type { Database } from "@valify/database";
import { type Kysely, sql } from "kysely";

import type { Batch } from "./domain/batch.ts";
import type { RowCounts } from "./domain/lead-record.ts";

/** Who works on a batch. Every write of a run asks for its token, the fence against two at once. */
export interface Run {
  readonly batchUuid: string;
  readonly leaseToken: string;
}

/** How a run ended, once and for all. */
export type RunEnd =
  | { readonly status: "cancelled" }
  | { readonly status: "failed"; readonly failure: RunFailure; readonly endedAt: Date }
  | {
      readonly status: "completed";
      readonly totalLeads: number;
      readonly counts: RowCounts;
      readonly endedAt: Date;
    };

/** `message` is for the uploader, and quotes nothing of the file. */
export interface RunFailure {
  readonly code: Uppercase<string>;
  readonly message: string;
}

export type Claim =
  /** `databaseMs`: the database's clock at the claim, milliseconds since 1970. */
  | { readonly kind: "claimed"; readonly announcedRows: number; readonly databaseMs: number }
  | { readonly kind: "held"; readonly restMs: number }
  | { readonly kind: "ended"; readonly end: RunEnd };

type RunKey = Pick<Batch, "batchUuid" | "tenantId" | "totalLeads">;

/**
 * Takes the run, whether it is new, given back, or its holder's lease has run out. One statement on
 * the primary key: of two claimers the second waits for the first's row and then sees its lease.
 */
export async function claimRun(
  db: Kysely<Database>,
  { batchUuid, tenantId, totalLeads }: RunKey,
  leaseToken: string,
  leaseMs: number,
): Promise<Claim> {
  const { rows } = await sql<{ announcedRows: number; databaseMs: number }>`
    insert into validation.runs as run
      (batch_id, tenant_id, total_leads, lease_token, lease_until)
    values (${batchUuid}, ${tenantId}, ${totalLeads}, ${leaseToken}, ${inFuture(leaseMs)})
    on conflict (batch_id) do update
      set lease_token = excluded.lease_token, lease_until = excluded.lease_until
      where run.status = 'processing'
        and (run.lease_until is null or run.lease_until <= clock_timestamp())
    returning announced_rows as "announcedRows",
      (extract(epoch from clock_timestamp()) * 1000)::float8 as "databaseMs"`.execute(db);
  const claimed = rows[0];
  if (claimed !== undefined) return { kind: "claimed", ...claimed };
  const end = await findRunEnd(db, batchUuid);
  if (end !== undefined) return { kind: "ended", end };
  return { kind: "held", restMs: await findLeaseRest(db, batchUuid) };
}

/** Undefined: the run goes on. By primary key. */
export async function findRunEnd(
  db: Kysely<Database>,
  batchUuid: string,
): Promise<RunEnd | undefined> {
  const { rows } = await sql<RunEndRow>`
    select status, total_leads as "totalLeads", valid_leads as valid, invalid_leads as invalid,
      skipped_rows as skipped, error_code as code, error_message as message,
      ended_at as "endedAt"
    from validation.runs where batch_id = ${batchUuid}`.execute(db);
  const row = rows[0];
  if (row === undefined || row.status === "processing") return undefined;
  if (row.status === "cancelled") return { status: row.status };
  const { status, code, message, endedAt, totalLeads, valid, invalid, skipped } = row;
  if (status === "failed") return { status, failure: { code, message }, endedAt };
  return { status, totalLeads, counts: { valid, invalid, skipped }, endedAt };
}

type RunEndRow = RunFailure &
  RowCounts & {
    readonly status: "processing" | "completed" | "failed" | "cancelled";
    readonly totalLeads: number;
    readonly endedAt: Date;
  };

async function findLeaseRest(db: Kysely<Database>, batchUuid: string): Promise<number> {
  const { rows } = await sql<{ restMs: number }>`
    select (extract(epoch from lease_until - clock_timestamp()) * 1000)::float8 as "restMs"
    from validation.runs where batch_id = ${batchUuid} and lease_until is not null`.execute(db);
  return rows[0]?.restMs ?? 0;
}

/** False: the run is cancelled, ended, or somebody else's. So it is for every write below. */
export async function renewLease(
  db: Kysely<Database>,
  run: Run,
  leaseMs: number,
): Promise<boolean> {
  return changeRun(db, run, sql`lease_until = ${inFuture(leaseMs)}`);
}

/** Lets the next delivery of the message start at once instead of waiting for the lease to end. */
export async function releaseRun(db: Kysely<Database>, run: Run): Promise<boolean> {
  return changeRun(db, run, sql`lease_token = null, lease_until = null`);
}

/**
 * Gives the run back and keeps everybody off it for a while: what it waits for is elsewhere. No
 * token, so that nobody's write passes the fence meanwhile.
 */
export async function pauseRun(db: Kysely<Database>, run: Run, pauseMs: number): Promise<boolean> {
  return changeRun(db, run, sql`lease_token = null, lease_until = ${inFuture(pauseMs)}`);
}

/** Moves the watermark: rows 1..announcedRows are stored and announced. Renews the lease too. */
export async function advanceRun(
  db: Kysely<Database>,
  run: Run,
  { announcedRows, counts }: { announcedRows: number; counts: RowCounts },
  leaseMs: number,
): Promise<boolean> {
  return changeRun(
    db,
    run,
    sql`announced_rows = ${announcedRows}, valid_leads = ${counts.valid},
      invalid_leads = ${counts.invalid}, skipped_rows = ${counts.skipped},
      progressed_at = clock_timestamp(), stuck_count = 0, lease_until = ${inFuture(leaseMs)}`,
  );
}

export interface RunResult {
  readonly counts: RowCounts;
  readonly resultsKey: string;
  /** Of the file of refused rows; null where there was none. */
  readonly errorsKey: string | null;
}

export async function completeRun(
  db: Kysely<Database>,
  run: Run,
  { counts, resultsKey, errorsKey }: RunResult,
): Promise<boolean> {
  return changeRun(
    db,
    run,
    sql`status = 'completed', ended_at = clock_timestamp(), results_object_key = ${resultsKey},
      errors_object_key = ${errorsKey},
      valid_leads = ${counts.valid}, invalid_leads = ${counts.invalid},
      skipped_rows = ${counts.skipped}, lease_token = null, lease_until = null`,
  );
}

export async function failRun(
  db: Kysely<Database>,
  run: Run,
  { code, message }: RunFailure,
): Promise<boolean> {
  return changeRun(
    db,
    run,
    sql`status = 'failed', ended_at = clock_timestamp(), error_code = ${code},
      error_message = ${message}, lease_token = null, lease_until = null`,
  );
}

/** The fence: by primary key, and only while the token is ours and the run goes on. */
async function changeRun(
  db: Kysely<Database>,
  { batchUuid, leaseToken }: Run,
  change: ReturnType<typeof sql>,
): Promise<boolean> {
  const { numAffectedRows = 0n } = await sql`
    update validation.runs set ${change}
    where batch_id = ${batchUuid} and lease_token = ${leaseToken} and status = 'processing'`.execute(
    db,
  );
  return numAffectedRows > 0n;
}

/**
 * Fails a run whoever holds it: its message is used up, so nobody would come back for it. A holder
 * still at work finds its token gone at its next write. A run that has ended stays as it is.
 */
export async function abandonRun(
  db: Kysely<Database>,
  { batchUuid, tenantId, totalLeads }: RunKey,
  { code, message }: RunFailure,
): Promise<void> {
  await sql`
    insert into validation.runs as run
      (batch_id, tenant_id, total_leads, status, ended_at, error_code, error_message)
    values (${batchUuid}, ${tenantId}, ${totalLeads}, 'failed', clock_timestamp(), ${code}, ${message})
    on conflict (batch_id) do update
      set status = excluded.status, ended_at = excluded.ended_at, error_code = excluded.error_code,
        error_message = excluded.error_message, lease_token = null, lease_until = null
      where run.status = 'processing'`.execute(db);
}

/**
 * Stops a run, or keeps one from ever starting. Its holder sees it at its next write. The event
 * does not say how many rows the file has: a run that never started has none. A run that has ended
 * stays as it ended, and its leads give up their claims.
 */
export async function cancelRun(
  db: Kysely<Database>,
  { batchUuid, tenantId }: Pick<Batch, "batchUuid" | "tenantId">,
): Promise<void> {
  await sql`
    insert into validation.runs as run
      (batch_id, tenant_id, total_leads, status, ended_at, cancelled_at)
    values (${batchUuid}, ${tenantId}, 0, 'cancelled', clock_timestamp(), clock_timestamp())
    on conflict (batch_id) do update
      set cancelled_at = coalesce(run.cancelled_at, excluded.cancelled_at),
        ended_at = coalesce(run.ended_at, excluded.ended_at),
        status = case run.status when 'processing' then 'cancelled' else run.status end,
        lease_token = null, lease_until = null`.execute(db);
}

function inFuture(durationMs: number) {
  return sql`clock_timestamp() + ${durationMs} * interval '1 millisecond'`;
}
