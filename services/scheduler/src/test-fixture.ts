import { randomUUID } from "node:crypto";

import { createDatabase, type Database } from "@valify/database";
import { createTestDatabase, requireEnv } from "@valify/database/testing";
import { createLogger } from "@valify/runtime";
import type { Kysely } from "kysely";

import { laneOf } from "./domain/lane.ts";
import { CLAIM_SETTINGS } from "./due-loop.ts";
import { insertDueRows, type NewDueRow } from "./due-queries.ts";
import { createLeaves, type Leaves } from "./leaves.ts";

/** A database of one's own with the scheduler's two pools on it. */
export interface SchedulerFixture extends AsyncDisposable {
  readonly db: Kysely<Database>;
  readonly claimDb: Kysely<Database>;
  readonly leaves: Leaves;
  /** Stores rows due at these instants and returns them. */
  store(dueAtMs: readonly number[], row?: Partial<NewDueRow>): Promise<readonly NewDueRow[]>;
}

export const log = createLogger("scheduler-test", "error");

export async function createFixture(): Promise<SchedulerFixture> {
  await using stack = new AsyncDisposableStack();
  const { url } = stack.use(await createTestDatabase(requireEnv("TEST_DATABASE_URL")));
  const database = { url, role: "valify_scheduler", applicationName: "scheduler-test" } as const;
  const db = stack.use(createDatabase(database));
  const claimDb = stack.use(createDatabase({ ...database, settings: CLAIM_SETTINGS }));
  const leaves = createLeaves(db, log);
  await leaves.maintain();
  const resources = stack.move();
  return {
    db,
    claimDb,
    leaves,
    async store(dueAtMs, row = {}) {
      const rows = dueAtMs.map((ms) => newRow(ms, row));
      await leaves.ensure(dueAtMs);
      await insertDueRows(db, rows);
      return rows;
    },
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

function newRow(dueAtMs: number, row: Partial<NewDueRow>): NewDueRow {
  const id = row.id ?? randomUUID();
  const tenantId = row.tenantId ?? "5f0c6a52-6a7e-4a51-9a3e-0d7a1b2c3d4e";
  const batchId = "018f3b1e-0000-7000-8000-000000000001";
  const dueAt = new Date(dueAtMs).toISOString();
  return { dueAt, id, tenantId, batchId, round: 0, kind: 0, lane: laneOf(tenantId, id), ...row };
}
