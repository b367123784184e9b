import { randomUUID } from "node:crypto";

import { requireAhead } from "../../support/require-ahead.ts";
import { print } from "../report.ts";
import { printEmissions, until } from "./figures.ts";
import { loadRows, TENANTS } from "./load-rows.ts";
import { createDatabase, insertDueRows, laneOf, type NewDueRow } from "./scheduler-code.ts";
import { watchStream } from "./stream-watch.ts";
import { startSchedulerWorld } from "./world.ts";

const PER_SECOND = 2_000;
const SECONDS = 60;
const REPLICAS = 3;
const INSERT_SECONDS = 30;
const ROWS_PER_STATEMENT = 2_000;
const LEAD_MS = 15_000;
const DAY_MS = 24 * 3_600_000;

/** 2,000 go out per second while rows for tomorrow come in as fast as two connections take them. */
export async function measureBulkInsert(): Promise<void> {
  await using world = await startSchedulerWorld();
  await using stream = await watchStream(world.natsUrl);
  const startMs = Date.now() + LEAD_MS;
  const load = { startMs, perSecond: PER_SECOND, tenantIds: TENANTS };
  await loadRows(world.db, { ...load, count: PER_SECOND * SECONDS });
  const schedulers = await world.start(REPLICAS);
  requireAhead(startMs);
  await using db = createDatabase({
    url: world.databaseUrl,
    role: "valify_scheduler",
    applicationName: "valify-load",
  });
  await until(startMs + 10_000);
  const insertFromMs = Date.now();
  const insertToMs = insertFromMs + INSERT_SECONDS * 1_000;
  let inserted = 0;
  const work = async () => {
    while (Date.now() < insertToMs) {
      await insertDueRows(db, someRows());
      inserted += ROWS_PER_STATEMENT;
    }
  };
  await Promise.all([work(), work()]);
  const rate = (inserted * 1_000) / (Date.now() - insertFromMs);
  print({ name: "scheduler.insert.rate", value: rate, unit: "rows/s", bar: ">= 50000" });
  await until(startMs + SECONDS * 1_000 + 1_000);
  for (const scheduler of schedulers) await scheduler.stop();
  const meanwhile = (await stream.read(1)).filter(
    ({ dueMs }) => dueMs >= insertFromMs && dueMs < insertToMs,
  );
  printEmissions("scheduler.insert.meanwhile", meanwhile, { p99: "<= 250" });
}

/** As the consumer hands them on: one tenant's file, due a day after its rows were validated. */
function someRows(): readonly NewDueRow[] {
  const tenantId = TENANTS[Math.floor(Math.random() * TENANTS.length)] ?? "";
  const batchId = randomUUID();
  const dueFromMs = Date.now() + DAY_MS;
  return Array.from({ length: ROWS_PER_STATEMENT }, (_, index) => {
    const id = randomUUID();
    const dueAt = new Date(dueFromMs + index / 10).toISOString();
    return { id, tenantId, batchId, dueAt, lane: laneOf(tenantId, id), round: 0, kind: 0 };
  });
}
