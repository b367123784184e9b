import { setTimeout as pause } from "node:timers/promises";

import { print } from "../report.ts";
import { loadRows, TENANTS } from "./load-rows.ts";
import { cpuSeconds } from "./usage.ts";
import { startSchedulerWorld } from "./world.ts";

const SECONDS = 60;
const REPLICAS = 3;
const SETTLE_MS = 10_000;
const STATEMENT = /LOG: {2}(?:execute |statement: )/;

/** Nothing due: what three replicas cost, with a million rows waiting for tomorrow. */
export async function measureIdle(): Promise<void> {
  let statements = 0;
  await using world = await startSchedulerWorld({
    postgresSettings: { log_statement: "all" },
    onPostgresLine: (line) => {
      if (STATEMENT.test(line)) statements += 1;
    },
  });
  const startMs = Date.now() + 24 * 3_600_000;
  await loadRows(world.db, { count: 1_000_000, startMs, perSecond: 5_000, tenantIds: TENANTS });
  const schedulers = await world.start(REPLICAS);
  await pause(SETTLE_MS);
  const wal = async () => {
    const { rows } = await world.db.query<{ bytes: string }>(
      "select pg_current_wal_insert_lsn() - '0/0'::pg_lsn as bytes",
    );
    return Number(rows[0]?.bytes);
  };
  const walBefore = await wal();
  const usedBefore = schedulers.map(({ pid }) => cpuSeconds(pid));
  statements = 0;
  await pause(SECONDS * 1_000);
  const perSecond = statements / SECONDS / REPLICAS;
  const used = schedulers.map(({ pid }, index) => cpuSeconds(pid) - (usedBefore[index] ?? 0));
  const share = (used.reduce((sum, each) => sum + each, 0) / SECONDS / REPLICAS) * 100;
  const bytes = (await wal()) - walBefore;
  print({ name: "scheduler.idle.statements", value: perSecond, unit: "/s", bar: "<= 1.3" });
  print({ name: "scheduler.idle.cpu", value: share, unit: "% of a core", bar: "<= 0.5" });
  print({ name: "scheduler.idle.wal", value: bytes / SECONDS, unit: "B/s", bar: "0" });
}
