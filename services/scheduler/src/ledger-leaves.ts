import { type Database, ensurePartition, listPartitions, retirePartition } from "@valify/database";
import type { Logger } from "@valify/runtime";
import type { Kysely } from "kysely";

import { HOUR_MS, leafOfName, leavesBetween, LEDGER, MARKS } from "./domain/leaf.ts";
import { readDatabaseClock } from "./due-queries.ts";

/** The partitions of the emission ledger and of the publish marks. */
export interface LedgerLeaves {
  /** Run it at start and every ten minutes: makes the coming leaves, drops those past their time. */
  maintain(): Promise<{ readonly dropped: number }>;
}

/** Longer than maintenance can fail unnoticed: without a leaf for now there is no claim. */
const AHEAD_MS = HOUR_MS;
/** Longer than any loss a broker recovers from: its sync interval is minutes. */
const KEEP_MS = 2 * HOUR_MS;
/** Only ever appended to, read as a whole, and dropped. */
const STORAGE = "fillfactor = 100, autovacuum_enabled = off";

export function createLedgerLeaves(db: Kysely<Database>, log: Logger): LedgerLeaves {
  const made = new Set<string>();
  return {
    async maintain() {
      const nowMs = (await readDatabaseClock(db)) / 1_000;
      let dropped = 0;
      for (const grid of [LEDGER, MARKS]) {
        for (const leaf of leavesBetween(grid, nowMs, nowMs + AHEAD_MS)) {
          if (made.has(leaf.name)) continue;
          await ensurePartition(db, { parent: grid.parent, storage: STORAGE, ...leaf });
          made.add(leaf.name);
        }
        for (const table of await listPartitions(db, grid.parent)) {
          const leaf = leafOfName(grid, table.name);
          if (leaf === undefined || leaf.to.getTime() >= nowMs - KEEP_MS) continue;
          made.delete(leaf.name);
          try {
            await retirePartition(db, table, { parent: grid.parent, mustBeEmpty: false });
            dropped += 1;
          } catch (error) {
            // Another replica may be at it, or somebody uses it; the next run tells.
            log.info({ leaf: leaf.name, err: error }, "leaf.not_dropped");
          }
        }
      }
      return { dropped };
    },
  };
}
