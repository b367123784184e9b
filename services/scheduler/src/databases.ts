import {
  type ConnectionPool,
  createDatabase,
  createPool,
  type Database,
  type DatabaseOptions,
} from "@valify/database";
import type { Logger } from "@valify/runtime";
import type { Kysely } from "kysely";

import { CLAIM_SETTINGS } from "./claim-statement.ts";
import { TURNS_MAX } from "./claim-turns.ts";

const CONNECTION_LIFE_SECONDS = 3 * 3_600;

export interface Databases extends AsyncDisposable {
  /** For what is stored. */
  readonly db: Kysely<Database>;
  /** For claims: other settings, and one connection for each under way and one to ask with. */
  readonly pool: ConnectionPool;
}

export function openDatabases(url: string, log: Logger): Databases {
  const common: Omit<DatabaseOptions, "applicationName"> = {
    url,
    role: "valify_scheduler",
    onIdleError: (err) => log.warn({ err }, "database.connection_lost"),
  };
  const db = createDatabase({ ...common, applicationName: "valify-scheduler" });
  const pool = createPool({
    ...common,
    applicationName: "valify-scheduler-claim",
    connectionsMax: TURNS_MAX + 1,
    // With it go the plans it keeps, two for each leaf.
    lifetimeMaxSeconds: CONNECTION_LIFE_SECONDS,
    settings: CLAIM_SETTINGS,
  });
  return {
    db,
    pool,
    async [Symbol.asyncDispose]() {
      await Promise.all([pool.end(), db.destroy()]);
    },
  };
}
