import { createDatabase, type Database } from "@valify/database";
import type { Kysely } from "kysely";

export interface DispatcherDatabases extends AsyncDisposable {
  /** For everything that must be on disk before we go on. */
  readonly db: Kysely<Database>;
  /** For claims and reservations, see claimDeliveries: a commit does not wait for the disk. */
  readonly claimDb: Kysely<Database>;
}

/**
 * The same few statements run thousands of times, all by key: planned once per connection, and
 * never as a scan of a table that was empty at that moment.
 */
const SETTINGS = { plan_cache_mode: "force_generic_plan", enable_seqscan: "off" };
const CLAIM_SETTINGS = { ...SETTINGS, synchronous_commit: "off" };
/** One pull is prepared at a time, with two statements side by side. */
const CLAIM_CONNECTIONS_MAX = 3;

export function openDatabases(
  url: string,
  onIdleError: (error: Error) => void,
): DispatcherDatabases {
  const common = { url, role: "valify_dispatcher", preparesStatements: true, onIdleError } as const;
  const db = createDatabase({
    ...common,
    applicationName: "valify-webhook-dispatcher",
    settings: SETTINGS,
  });
  const claimDb = createDatabase({
    ...common,
    applicationName: "valify-webhook-dispatcher-claim",
    connectionsMax: CLAIM_CONNECTIONS_MAX,
    settings: CLAIM_SETTINGS,
  });
  return {
    db,
    claimDb,
    async [Symbol.asyncDispose]() {
      await Promise.all([db.destroy(), claimDb.destroy()]);
    },
  };
}
