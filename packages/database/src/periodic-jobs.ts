import { type Kysely, sql, type Transaction } from "kysely";

import type { JobSchema } from "./schema-periodic-jobs.ts";
import type { Database } from "./schema.ts";

export interface PeriodicJobKey {
  readonly schema: JobSchema;
  readonly job: string;
  readonly periodMs: number;
  /** A holder that says nothing for so long is frozen or gone: Postgres ends its transaction. */
  readonly silentMaxMs: number;
}

/** `stopped`: the process is ending. Nothing is marked, so another replica does the run. */
export type JobOutcome = "succeeded" | "failed" | "stopped";
export type JobTurn = JobOutcome | "not_due" | "busy";

export interface JobAge {
  readonly job: string;
  /** Milliseconds since the last run that ended had started, by the database's clock. */
  readonly startedMs: number;
  /** Since the end of the last run that did well; null: there was none. */
  readonly succeededMs: number | null;
}

/** First half of every job's lock; the second is a hash of its name. Any fixed number. */
const JOB_LOCK = 7_205_003;

/**
 * Runs `work` unless another replica is at it or the job ran within its period; the database's
 * clock judges. The advisory lock is held from the look at the last run to the commit of the new
 * mark, so two replicas never run one job at once, and a crash anywhere lets go without a mark.
 * While `work` runs, the transaction has neither written nor kept a snapshot: it holds back no
 * vacuum. `work` must not throw, and must be harmless when it is done twice.
 */
export async function runJobOnce(
  db: Kysely<Database>,
  key: PeriodicJobKey,
  work: (now: Date) => Promise<JobOutcome>,
): Promise<JobTurn> {
  const transaction = db.transaction().setIsolationLevel("read committed");
  return transaction.execute(async (trx) => {
    await sql`select set_config('idle_in_transaction_session_timeout',
      ${String(key.silentMaxMs)}, true)`.execute(trx);
    const lock = await sql<{ isMine: boolean }>`
      select pg_try_advisory_xact_lock(${JOB_LOCK}, hashtext(${`${key.schema}.${key.job}`}))
        as "isMine"`.execute(trx);
    if (lock.rows[0]?.isMine !== true) return "busy";
    // A statement of its own: its snapshot is younger than the lock, so it sees the last mark.
    const { now, isDue } = await readTurn(trx, key);
    if (!isDue) return "not_due";
    const outcome = await work(now);
    if (outcome !== "stopped") await mark(trx, key, now, outcome);
    return outcome;
  });
}

/** A mark from the future was made before the clock was set back: it must not stop the job. */
async function readTurn(trx: Transaction<Database>, { schema, job, periodMs }: PeriodicJobKey) {
  const { rows } = await sql<{ now: Date; isDue: boolean }>`
    select c.now, j.started_at is null or j.started_at > c.now
        or j.started_at <= c.now - ${periodMs} * interval '1 millisecond' as "isDue"
    from (select clock_timestamp() as now) as c
    left join ${sql.table(`${schema}.periodic_jobs`)} as j on j.job = ${job}`.execute(trx);
  const [turn] = rows;
  if (turn === undefined) throw new Error("Postgres did not tell when a job last ran");
  return turn;
}

async function mark(
  trx: Transaction<Database>,
  { schema, job }: PeriodicJobKey,
  startedAt: Date,
  outcome: JobOutcome,
): Promise<void> {
  await sql`
    insert into ${sql.table(`${schema}.periodic_jobs`)} as j
      (job, started_at, ended_at, succeeded_at)
    values (${job}, ${startedAt}, clock_timestamp(),
      case when ${outcome === "succeeded"} then clock_timestamp() end)
    on conflict (job) do update set started_at = excluded.started_at,
      ended_at = excluded.ended_at,
      succeeded_at = coalesce(excluded.succeeded_at, j.succeeded_at)`.execute(trx);
}

/** Of every job that ever ran, one small row each. */
export async function readJobAges(
  db: Kysely<Database>,
  schema: JobSchema,
): Promise<readonly JobAge[]> {
  const { rows } = await sql<JobAge>`
    select job,
      (extract(epoch from clock_timestamp() - started_at) * 1e3)::float8 as "startedMs",
      (extract(epoch from clock_timestamp() - succeeded_at) * 1e3)::float8 as "succeededMs"
    from ${sql.table(`${schema}.periodic_jobs`)}`.execute(db);
  return rows;
}
