import {
  type Database,
  ensurePartition,
  listPartitions,
  type PartitionTable,
  retirePartition,
} from "@valify/database";
import type { Logger } from "@valify/runtime";
import type { Kysely } from "kysely";

import { dueLeafFor, HOURS_AHEAD_MS, touches } from "./domain/due-leaf.ts";
import { DUE_DAYS, DUE_HOURS, HOUR_MS, type Leaf, leafOf, leafOfName } from "./domain/leaf.ts";
import { readDatabaseClock } from "./due-queries.ts";

/** The partitions of `scheduling.due`: made ahead, or when a row needs one; dropped behind. */
export interface Leaves {
  /** Call it before an insert of rows due at these instants. */
  ensure(dueAtMs: readonly number[]): Promise<void>;
  /** Leaves that exist and touch [fromMs, toMs], oldest first. */
  between(fromMs: number, toMs: number): readonly Leaf[];
  oldest(): Leaf | undefined;
  newest(): Leaf | undefined;
  /** Learns of leaves that other replicas made or dropped. */
  refresh(): Promise<void>;
  /** Run it at start and every ten minutes: makes the coming hours, drops empty past ones. */
  maintain(): Promise<{ readonly dropped: number; readonly notDropped: number }>;
}

/** A past leaf stays this long; inserts reach back 30 seconds, rollbacks a few. */
const RETIRE_AFTER_MS = 15 * 60_000;
/** Rows come in sorted, never change and leave by deletion; the leaf is dropped, not vacuumed. */
const STORAGE = "fillfactor = 100, autovacuum_enabled = off";
const PARENT = { parent: DUE_HOURS.parent, mustBeEmpty: true } as const;

export function createLeaves(db: Kysely<Database>, log: Logger): Leaves {
  let known: readonly Leaf[] = [];
  const nowMs = async () => (await readDatabaseClock(db)) / 1_000;

  async function ensure(dueAtMs: readonly number[]): Promise<void> {
    // Thousands of rows, but a handful of hours.
    const hours = new Set(dueAtMs.map((instantMs) => Math.floor(instantMs / HOUR_MS) * HOUR_MS));
    const missing = [...hours].filter((hourMs) => between(hourMs, hourMs).length === 0);
    if (missing.length === 0) return;
    const now = await nowMs();
    for (const hourMs of missing) {
      const leaf = dueLeafFor(hourMs, now, known);
      if (known.includes(leaf)) continue;
      await ensurePartition(db, { parent: PARENT.parent, storage: STORAGE, ...leaf }).catch(
        async (error: unknown) => {
          // Another replica made one that covers it, of another width: learn of it, then try again.
          await refresh();
          if (between(hourMs, hourMs).length === 0) throw error;
        },
      );
      if (between(hourMs, hourMs).length === 0) known = sorted([...known, leaf]);
    }
  }

  async function refresh(): Promise<readonly PartitionTable[]> {
    const tables = await listPartitions(db, PARENT.parent);
    known = sorted(
      tables.flatMap((table) => (isAttached(table) ? (leafOfTable(table) ?? []) : [])),
    );
    return tables;
  }

  function between(fromMs: number, toMs: number): readonly Leaf[] {
    return known.filter((leaf) => touches(leaf, fromMs, toMs));
  }

  return {
    ensure,
    between,
    oldest: () => known[0],
    newest: () => known.at(-1),
    refresh: async () => void (await refresh()),
    async maintain() {
      const tables = await refresh();
      const now = await nowMs();
      const startMs = leafOf(DUE_HOURS, now).from.getTime();
      const hours = Array.from(
        { length: HOURS_AHEAD_MS / HOUR_MS },
        (_, index) => startMs + index * HOUR_MS,
      );
      await ensure(hours);
      const past = tables.filter((table) => {
        const leaf = leafOfTable(table);
        return leaf !== undefined && leaf.to.getTime() < now - RETIRE_AFTER_MS;
      });
      const dropped = await retire(db, log, past);
      known = known.filter(({ name }) => !dropped.includes(name));
      return { dropped: dropped.length, notDropped: past.length - dropped.length };
    },
  };
}

/** Drops those that are empty; returns their names. */
async function retire(db: Kysely<Database>, log: Logger, tables: readonly PartitionTable[]) {
  const dropped: string[] = [];
  for (const table of tables) {
    const { name } = table;
    try {
      if (await retirePartition(db, table, PARENT)) {
        dropped.push(name);
        continue;
      }
      // Rows are left: the claim still finds them. Was the leaf detached, it has to come back.
      log.warn({ leaf: name }, "leaf.not_empty");
      const leaf = leafOfTable(table);
      if (leaf !== undefined) await ensurePartition(db, { parent: PARENT.parent, ...leaf });
    } catch (error) {
      // Another replica may be at it, or somebody uses it; the next run tells.
      log.info({ leaf: name, err: error }, "leaf.not_dropped");
    }
  }
  return dropped;
}

const isAttached = ({ state }: PartitionTable) => state === "attached";

function leafOfTable({ name }: PartitionTable): Leaf | undefined {
  return leafOfName(DUE_HOURS, name) ?? leafOfName(DUE_DAYS, name);
}

function sorted(leaves: readonly Leaf[]): readonly Leaf[] {
  return leaves.toSorted((a, b) => a.from.getTime() - b.from.getTime());
}
