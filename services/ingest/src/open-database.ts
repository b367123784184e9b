import { createDatabase, type Database, type DatabaseOptions } from "@valify/database";
import type { Kysely } from "kysely";

/**
 * The pages of ingest walk along an index and stop at their limit. Where Postgres has no statistics
 * yet, as of tables that grew in the last minute, it guesses one row, reads a whole batch by bitmap
 * and sorts it: 180 ms in place of 1.5 ms for the webhooks of 10,000 leads.
 */
const SETTINGS = { enable_bitmapscan: "off", jit: "off" };

/** In the role of ingest, as every process and test of it works. */
export function openDatabase(
  options: Pick<DatabaseOptions, "url" | "applicationName" | "onIdleError">,
): Kysely<Database> {
  return createDatabase({ ...options, role: "valify_ingest", pipelines: true, settings: SETTINGS });
}
