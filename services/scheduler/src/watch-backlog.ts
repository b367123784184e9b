import { type Logger, startPeriodic } from "@valify/runtime";

import type { ClaimPool } from "./claim-queries.ts";
import { LANE_COUNT } from "./domain/lane.ts";
import type { Leaves } from "./leaves.ts";
import type { LoopSignals } from "./loop-signals.ts";

export interface WatchBacklogDeps {
  readonly pool: ClaimPool;
  readonly leaves: Leaves;
  readonly signals: LoopSignals;
  readonly log: Logger;
  /** No row before this instant is pending. */
  readonly lowMs: () => number;
  readonly nowMs: () => number;
}

const EVERY_MS = 15_000;
/** Every so many times it learns of leaves that others made: they are made 48 hours ahead. */
const REFRESH_EVERY = 4;
/** In each lane: an exact count of a herd would read all of it, again and again. */
const COUNTED_PER_LANE = 1_000;

/** In every replica: learns of leaves that others made, and tells how much is overdue. */
export function watchBacklog(deps: WatchBacklogDeps): AsyncDisposable {
  const every = { intervalMs: EVERY_MS, event: "backlog.not_read", log: deps.log };
  let looks = 0;
  return startPeriodic(async () => {
    if (looks % REFRESH_EVERY === 0) await deps.leaves.refresh();
    looks += 1;
    await readBacklog(deps);
  }, every);
}

/**
 * Rows that are past their instant, by the claim's own index and from the claim's own lower bound
 * on. Reads what is committed: a claimed row counts until it is gone.
 */
export async function readBacklog(deps: Omit<WatchBacklogDeps, "log">): Promise<void> {
  const nowMs = deps.nowMs();
  const fromMs = Math.min(deps.lowMs(), nowMs);
  let rows = 0;
  let oldestSeconds = 0;
  for (const leaf of deps.leaves.between(fromMs, nowMs)) {
    const { rows: answers } = await deps.pool.query<{ count: number; oldest: number | null }>(
      `select count(*) as count,
         extract(epoch from statement_timestamp() - min(x.due_at))::float8 as oldest
       from generate_series(0, ${LANE_COUNT - 1}) as s (i)
       cross join lateral (
         select t.due_at from ${leaf.name} as t
         where t.lane = s.i and t.due_at >= $1 and t.due_at < statement_timestamp()
         order by t.due_at limit ${COUNTED_PER_LANE}) as x`,
      [new Date(fromMs)],
    );
    rows += answers[0]?.count ?? 0;
    oldestSeconds = Math.max(oldestSeconds, answers[0]?.oldest ?? 0);
  }
  deps.signals.observeBacklog(rows, oldestSeconds);
}
