import type { Database } from "@valify/database";
import type { Logger } from "@valify/runtime";
import { type Kysely, sql } from "kysely";

import { HOUR_MS } from "./domain/leaf.ts";
import type { Leaves } from "./leaves.ts";

export interface DenseLeavesDeps {
  readonly db: Kysely<Database>;
  readonly leaves: Leaves;
  readonly log: Logger;
}

/** Not the leaf that is about to be claimed from. */
const NEAREST_MS = HOUR_MS;
/** Leaves nearer than this have been filled by the usual delay of a day; one pass mostly does. */
const FURTHEST_MS = 23 * HOUR_MS;
const INDEX_BYTES_MIN = 32 * 1_048_576;
/** Freshly built, the index takes 0.53 of the rows' own space; grown by splits, 0.9. */
const SHARE_MAX = 0.7;

/**
 * Rebuilds the index of leaves that are filled and wait. Lanes grow at sixteen places of it, where
 * Postgres splits pages in half and leaves the half behind for good (it packs ascending keys only at
 * the right edge, and narrow ones): 85 bytes a row instead of 50. CONCURRENTLY: neither inserts nor
 * claims wait. Run it hourly, in one replica at a time; killed midway it leaves an invalid index,
 * which the next run drops. Returns how many it rebuilt.
 */
export async function densifyLeaves(
  { db, leaves, log }: DenseLeavesDeps,
  nowMs: number,
  limits = { indexBytesMin: INDEX_BYTES_MIN },
): Promise<number> {
  let rebuilt = 0;
  for (const { name, from } of leaves.between(nowMs, nowMs + FURTHEST_MS)) {
    if (from.getTime() < nowMs + NEAREST_MS) continue;
    const { heapBytes, indexBytes, invalid } = await sizesOf(db, name);
    // Outside a transaction, and longer than any other statement of ours may take.
    await db.connection().execute(async (connection) => {
      await sql`set statement_timeout = 0`.execute(connection);
      try {
        for (const index of invalid) {
          await sql`drop index concurrently if exists ${sql.table(index)}`.execute(connection);
        }
        if (indexBytes < limits.indexBytesMin || indexBytes < SHARE_MAX * heapBytes) return;
        await sql`reindex table concurrently ${sql.table(name)}`.execute(connection);
        rebuilt += 1;
        log.info({ leaf: name, indexBytes }, "leaf.index_rebuilt");
      } finally {
        await sql`reset statement_timeout`.execute(connection);
      }
    });
  }
  return rebuilt;
}

async function sizesOf(db: Kysely<Database>, leaf: string) {
  const { rows } = await sql<{
    heapBytes: number;
    indexBytes: number;
    invalid: readonly string[];
  }>`
    select pg_relation_size(${leaf}::regclass) as "heapBytes",
      pg_indexes_size(${leaf}::regclass) as "indexBytes",
      array(select n.nspname || '.' || c.relname from pg_index i
        join pg_class c on c.oid = i.indexrelid join pg_namespace n on n.oid = c.relnamespace
        where i.indrelid = ${leaf}::regclass and not i.indisvalid) as invalid`.execute(db);
  return rows[0] ?? { heapBytes: 0, indexBytes: 0, invalid: [] };
}
