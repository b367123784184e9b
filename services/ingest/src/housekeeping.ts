import type { Database } from "@valify/database";
import type { PeriodicJob } from "@valify/runtime";
import type { Kysely } from "kysely";

import { deleteExpiredSessions } from "./access-queries.ts";
import { asSystem } from "./tenant-scope.ts";

const MINUTE_MS = 60_000;

/** What ingest cleans of its own, in whatever replica comes first. */
export function housekeepingJobs({ db }: { readonly db: Kysely<Database> }) {
  const expiredSessions: PeriodicJob = {
    name: "expired_sessions",
    periodMs: 60 * MINUTE_MS,
    timeoutMs: MINUTE_MS,
    run: async () => ({ deleted: await asSystem(db, deleteExpiredSessions) }),
  };
  return [expiredSessions];
}
