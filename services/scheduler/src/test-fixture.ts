import { randomUUID } from "node:crypto";

import type { WebhookDue } from "@valify/contracts";
import { type ConnectionPool, createDatabase, createPool, type Database } from "@valify/database";
import { createTestDatabase, requireEnv } from "@valify/database/testing";
import { createLogger } from "@valify/runtime";
import { type Kysely, sql } from "kysely";

import type { BrokerGuard } from "./broker-guard.ts";
import { CLAIM_SETTINGS } from "./claim-statement.ts";
import { laneOf } from "./domain/lane.ts";
import { insertDueRows, type NewDueRow } from "./due-queries.ts";
import type { EmitterDeps, PublishAck } from "./emitter.ts";
import { createLeaves, type Leaves } from "./leaves.ts";
import { createLedgerLeaves } from "./ledger-leaves.ts";
import type { LoopSignals } from "./loop-signals.ts";

/** A database of one's own with the scheduler's two pools on it. */
export interface SchedulerFixture extends AsyncDisposable {
  readonly url: string;
  readonly db: Kysely<Database>;
  readonly pool: ConnectionPool;
  readonly leaves: Leaves;
  /** Stores rows due at these instants and returns them. */
  store(dueAtMs: readonly number[], row?: Partial<NewDueRow>): Promise<readonly NewDueRow[]>;
  /** Rows of a table, such as `scheduling.due`. */
  count(table: string): Promise<number>;
}

export const log = createLogger("scheduler-test", "error");

/** A broker that never restarts. */
export const steadyBroker: BrokerGuard = { brokerId: () => "steady", settle: async () => {} };

export const silentSignals: LoopSignals = {
  observeLateness: () => {},
  observeDuplicate: () => {},
  addInFlight: () => {},
  observeClock: () => {},
  observeBacklog: () => {},
};

/** A publisher of lists out of one of single events. */
export function eachBy(
  publish: (event: WebhookDue) => Promise<PublishAck>,
): EmitterDeps["publishEach"] {
  return (events, { acked, failed }) => {
    for (const [index, event] of events.entries()) {
      void publish(event).then(
        (ack) => acked(index, ack),
        (error: unknown) => failed(index, error instanceof Error ? error : new Error("refused")),
      );
    }
  };
}

export async function createFixture(): Promise<SchedulerFixture> {
  await using stack = new AsyncDisposableStack();
  const { url } = stack.use(await createTestDatabase(requireEnv("TEST_DATABASE_URL")));
  const database = { url, role: "valify_scheduler", applicationName: "scheduler-test" } as const;
  const db = stack.use(createDatabase(database));
  const pool = createPool({ ...database, settings: CLAIM_SETTINGS, connectionsMax: 20 });
  stack.defer(() => pool.end());
  const leaves = createLeaves(db, log);
  await leaves.maintain();
  await createLedgerLeaves(db, log).maintain();
  const resources = stack.move();
  return {
    url,
    db,
    pool,
    leaves,
    async store(dueAtMs, row = {}) {
      const rows = dueAtMs.map((ms) => newRow(ms, row));
      await leaves.ensure(dueAtMs);
      await insertDueRows(db, rows);
      return rows;
    },
    async count(table) {
      const { rows } = await sql<{ count: number }>`
        select count(*) from ${sql.table(table)}`.execute(db);
      return rows[0]?.count ?? 0;
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
