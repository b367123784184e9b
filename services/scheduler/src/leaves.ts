import { type Database, ensurePartition } from "@valify/database";
import type { Logger } from "@valify/runtime";
import { type Kysely, sql } from "kysely";

import { type Leaf, leafOf, leafOfName, leavesBetween } from "./domain/leaf.ts";
import { readDatabaseClock } from "./due-queries.ts";

/** The partitions of `scheduling.due`: made ahead, or when a row needs one; dropped behind. */
export interface Leaves {
  /** Call it before an insert of rows due at these instants. */
  ensure(dueAtMs: readonly number[]): Promise<void>;
  /** Leaves that exist and touch [fromMs, toMs], oldest first. */
  between(fromMs: number, toMs: number): readonly Leaf[];
  oldest(): Leaf | undefined;
  /** Run it at start and every minute: makes the coming hours, drops empty past ones. */
  maintain(): Promise<void>;
}

const AHEAD_MS = 2 * 3_600_000;
/** A past hour stays this long; inserts reach back 30 seconds, rollbacks a few. */
const RETIRE_AFTER_MS = 15 * 60_000;
/** Rows come in sorted, never change and leave by deletion; the leaf is dropped, not vacuumed. */
const STORAGE = "fillfactor = 100, autovacuum_enabled = off";

export function createLeaves(db: Kysely<Database>, log: Logger): Leaves {
  const known = new Map<string, Leaf>();

  async function ensureLeaf(leaf: Leaf): Promise<void> {
    if (known.has(leaf.name)) return;
    await ensurePartition(db, { parent: "scheduling.due", storage: STORAGE, ...leaf });
    known.set(leaf.name, leaf);
  }

  async function retire(leaf: Leaf): Promise<void> {
    const { rows } = await sql`select 1 from ${sql.table(leaf.name)} limit 1`.execute(db);
    if (rows.length > 0) {
      log.warn({ leaf: leaf.name }, "leaf.not_empty");
      return;
    }
    known.delete(leaf.name);
    // CONCURRENTLY: plain DETACH would lock the parent against every insert.
    await sql`alter table scheduling.due detach partition ${sql.table(leaf.name)} concurrently`.execute(
      db,
    );
    await sql`drop table ${sql.table(leaf.name)}`.execute(db);
    log.info({ leaf: leaf.name }, "leaf.dropped");
  }

  const sorted = () => [...known.values()].toSorted((a, b) => a.from.getTime() - b.from.getTime());

  return {
    async ensure(dueAtMs) {
      const missing = new Map(
        dueAtMs.map((instantMs) => leafOf(instantMs)).map((leaf) => [leaf.name, leaf]),
      );
      for (const leaf of missing.values()) await ensureLeaf(leaf);
    },
    between(fromMs, toMs) {
      return sorted().filter(({ from, to }) => to.getTime() > fromMs && from.getTime() <= toMs);
    },
    oldest: () => sorted()[0],
    async maintain() {
      for (const leaf of await listLeaves(db)) known.set(leaf.name, leaf);
      const nowMs = (await readDatabaseClock(db)) / 1_000;
      for (const leaf of leavesBetween(nowMs, nowMs + AHEAD_MS)) await ensureLeaf(leaf);
      const past = sorted().filter(({ to }) => to.getTime() < nowMs - RETIRE_AFTER_MS);
      for (const leaf of past) {
        // Another replica may be at it; the next minute tells.
        await retire(leaf).catch((error: unknown) => {
          log.info({ leaf: leaf.name, err: error }, "leaf.not_dropped");
        });
      }
    },
  };
}

async function listLeaves(db: Kysely<Database>): Promise<readonly Leaf[]> {
  const { rows } = await sql<{ name: string }>`
    select c.relname as name from pg_inherits i join pg_class c on c.oid = i.inhrelid
    where i.inhparent = 'scheduling.due'::regclass and not i.inhdetachpending`.execute(db);
  return rows.flatMap(({ name }) => leafOfName(name) ?? []);
}
