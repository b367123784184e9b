import type { Database } from "@valify/database";
import type { PeriodicJob } from "@valify/runtime";
import type { Kysely } from "kysely";

import type { Leaves } from "./leaves.ts";
import type { LedgerLeaves } from "./ledger-leaves.ts";
import { dropOldTombstones } from "./tombstones.ts";

export interface HousekeepingDeps {
  readonly db: Kysely<Database>;
  readonly leaves: Leaves;
  readonly ledger: LedgerLeaves;
}

const MINUTE_MS = 60_000;

/** What the scheduler makes ahead and clears behind, in whatever replica comes first. */
export function housekeepingJobs({ db, leaves, ledger }: HousekeepingDeps): readonly PeriodicJob[] {
  return [
    {
      name: "due_leaves",
      periodMs: MINUTE_MS,
      timeoutMs: 5 * MINUTE_MS,
      run: () => leaves.maintain(),
    },
    {
      name: "ledger_leaves",
      periodMs: MINUTE_MS,
      timeoutMs: 5 * MINUTE_MS,
      run: () => ledger.maintain(),
    },
    {
      name: "tombstones",
      periodMs: 60 * MINUTE_MS,
      timeoutMs: MINUTE_MS,
      run: async () => ({ dropped: await dropOldTombstones(db) }),
    },
  ];
}
