import { type ConnectionPool, type Database, waitingFor } from "@valify/database";
import type { Kysely } from "kysely";

import type { Metrics } from "./metrics.ts";

/** Shows how many callers wait for a connection: more than none for long means a pool too small. */
export function watchPools(
  metrics: Metrics,
  databases: readonly (Kysely<Database> | ConnectionPool)[],
): void {
  metrics.reading("valify_pg_pool_waiting", "Callers that wait for a connection to Postgres", () =>
    databases.reduce((sum, database) => sum + waitingFor(database), 0),
  );
}
