import type { Database } from "@valify/database";
import type { Logger, PeriodicJob } from "@valify/runtime";
import type { Kysely } from "kysely";

import { densifyLeaves } from "./dense-leaves.ts";
import type { Leaves } from "./leaves.ts";
import type { LedgerLeaves } from "./ledger-leaves.ts";
import { dropOldTombstones } from "./tombstones.ts";

export interface HousekeepingDeps {
  readonly db: Kysely<Database>;
  readonly leaves: Leaves;
  readonly ledger: LedgerLeaves;
  readonly log: Logger;
}

const MINUTE_MS = 60_000;
/** Leaves are made an hour and more ahead. A mark each minute was most of what an idle replica wrote. */
const LEAVES_EVERY_MS = 10 * MINUTE_MS;

/** What the scheduler makes ahead and clears behind, in whatever replica comes first. */
export function housekeepingJobs(deps: HousekeepingDeps): readonly PeriodicJob[] {
  const { db, leaves, ledger } = deps;
  return [
    {
      name: "due_leaves",
      periodMs: LEAVES_EVERY_MS,
      timeoutMs: 5 * MINUTE_MS,
      run: () => leaves.maintain(),
    },
    {
      name: "ledger_leaves",
      periodMs: LEAVES_EVERY_MS,
      timeoutMs: 5 * MINUTE_MS,
      run: () => ledger.maintain(),
    },
    {
      name: "dense_leaves",
      periodMs: 60 * MINUTE_MS,
      timeoutMs: 30 * MINUTE_MS,
      run: async ({ now }) => ({ rebuilt: await densifyLeaves(deps, now.getTime()) }),
    },
    {
      name: "tombstones",
      periodMs: 60 * MINUTE_MS,
      timeoutMs: MINUTE_MS,
      run: async () => ({ dropped: await dropOldTombstones(db) }),
    },
  ];
}
