import { batchIdOfUuid } from "@valify/contracts";
import type { Database } from "@valify/database";
import type { Bus, JobRun, PeriodicJob } from "@valify/runtime";
import { type Kysely, sql } from "kysely";

import { publishEnd } from "./batch-end.ts";
import { leaveQueue } from "./queue-queries.ts";
import { abandonRun, findRunEnd } from "./run-queries.ts";

export interface StuckRunsDeps {
  readonly db: Kysely<Database>;
  readonly bus: Pick<Bus, "publish">;
  /** A run that has not moved for this long is stuck. */
  readonly stuckAfterMs: number;
  /** False while a dependency of ours is away: then nothing moves, and nobody is to blame. */
  readonly isReady: () => Promise<boolean>;
}

interface StuckRun {
  readonly batchUuid: string;
  readonly tenantId: string;
  readonly totalLeads: number;
  readonly mayGoOn: boolean;
}

const RUNS_MAX = 100;
const PERIOD_MAX_MS = 10 * 60_000;
const RUN_TIMEOUT_MS = 60_000;
const failure = {
  code: "VALIDATION_STUCK",
  message: "Validation stopped moving, also after it was begun again",
} as const;

/** A stuck run is taken from its holder and goes on elsewhere; stuck a second time, it fails. */
export function stuckRunsJob(deps: StuckRunsDeps): PeriodicJob {
  return {
    name: "stuck_runs",
    periodMs: Math.min(deps.stuckAfterMs, PERIOD_MAX_MS),
    timeoutMs: RUN_TIMEOUT_MS,
    run: (run) => freeStuckRuns(deps, run),
  };
}

export async function freeStuckRuns(
  { db, bus, stuckAfterMs, isReady }: StuckRunsDeps,
  { now }: Pick<JobRun, "now">,
): Promise<{ readonly resumed: number; readonly failed: number }> {
  if (!(await isReady())) return { resumed: 0, failed: 0 };
  const runs = await findStuckRuns(db, new Date(now.getTime() - stuckAfterMs));
  let failed = 0;
  for (const { mayGoOn, ...run } of runs) {
    if (mayGoOn) {
      await freeRun(db, run.batchUuid, now);
      continue;
    }
    await abandonRun(db, run, failure);
    const end = await findRunEnd(db, run.batchUuid);
    if (end === undefined) throw new Error("an abandoned run has no end");
    await publishEnd(bus, { ...run, batchId: batchIdOfUuid(run.batchUuid) }, end);
    await leaveQueue(db, run.batchUuid);
    failed += 1;
  }
  return { resumed: runs.length - failed, failed };
}

/** Few are at work at any time, and the partial index runs_at_work holds no others. */
async function findStuckRuns(db: Kysely<Database>, before: Date): Promise<readonly StuckRun[]> {
  const { rows } = await sql<StuckRun>`
    select r.batch_id as "batchUuid", r.tenant_id as "tenantId", r.total_leads as "totalLeads",
      r.stuck_count = 0 and q.batch_id is not null as "mayGoOn"
    from validation.runs as r left join validation.queue as q on q.batch_id = r.batch_id
    where r.status = 'processing' and r.progressed_at < ${before}
    order by r.progressed_at limit ${RUNS_MAX}`.execute(db);
  return rows;
}

/** Its holder finds the token gone at its next write; whoever has a free slot goes on. */
async function freeRun(db: Kysely<Database>, batchUuid: string, now: Date): Promise<void> {
  await sql`
    update validation.runs
    set lease_token = null, lease_until = null, stuck_count = stuck_count + 1,
      progressed_at = ${now}
    where batch_id = ${batchUuid} and status = 'processing'`.execute(db);
}
