import { type Database, listPartitions, retirePartition } from "@valify/database";
import type { JobRun, PeriodicJob } from "@valify/runtime";
import type { Kysely } from "kysely";

import { removeAbsent } from "./replica-queries.ts";

export interface HousekeepingDeps {
  readonly db: Kysely<Database>;
  /** How long an attempt is kept after its day. */
  readonly attemptRetentionMs: number;
}

const ATTEMPTS = "delivery.attempts";
const DAY_OF_PARTITION = /attempts_(\d{4})(\d{2})(\d{2})$/;
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** What the dispatcher cleans of its own, in whatever replica comes first. */
export function housekeepingJobs(deps: HousekeepingDeps): readonly PeriodicJob[] {
  return [
    {
      name: "expired_attempts",
      periodMs: HOUR_MS,
      timeoutMs: 10 * MINUTE_MS,
      run: (run) => dropExpiredAttempts(deps, run),
    },
    {
      name: "absent_replicas",
      periodMs: HOUR_MS,
      timeoutMs: MINUTE_MS,
      run: async () => ({ removed: await removeAbsent(deps.db) }),
    },
  ];
}

/** A day at a time, and nothing row by row. Where it was killed midway the next run goes on. */
async function dropExpiredAttempts({ db, attemptRetentionMs }: HousekeepingDeps, run: JobRun) {
  const before = run.now.getTime() - attemptRetentionMs;
  let days = 0;
  for (const partition of await listPartitions(db, ATTEMPTS)) {
    run.signal.throwIfAborted();
    const endMs = endOf(partition.name);
    if (endMs === undefined || endMs > before) continue;
    await retirePartition(db, partition, { parent: ATTEMPTS, mustBeEmpty: false });
    days += 1;
  }
  return { days };
}

/** The end of a partition's day, or undefined for a table that is none. */
function endOf(name: string): number | undefined {
  const [, year, month, day] = DAY_OF_PARTITION.exec(name) ?? [];
  if (year === undefined) return undefined;
  return Date.UTC(Number(year), Number(month) - 1, Number(day)) + DAY_MS;
}
