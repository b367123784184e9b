import { setTimeout as pause } from "node:timers/promises";

import { print } from "../report.ts";
import { loadRows, TENANTS } from "./load-rows.ts";
import { cpuSeconds } from "./usage.ts";
import { startSchedulerWorld } from "./world.ts";

const SECONDS = 60;
const REPLICAS = 3;
const ROWS = 1_000_000;
/** The engine goes on compiling what runs once a second, for a while. */
const SETTLE_MS = 120_000;
const STATEMENT = /LOG: {2}(?:execute |statement: )/;

/**
 * Nothing due: what three replicas cost, with a million rows waiting for tomorrow. Counted is the
 * processor time of their processes, all threads, and of all of Postgres, its background processes
 * and connections that ended included; and every byte of WAL, whoever wrote it. Autovacuum is off: it
 * would visit a fresh cluster's catalogs and templates for the first time.
 */
export async function measureIdle(): Promise<void> {
  let statements = 0;
  await using world = await startSchedulerWorld({
    postgresSettings: { log_statement: "all", autovacuum: "off" },
    onPostgresLine: (line) => {
      if (STATEMENT.test(line)) statements += 1;
    },
  });
  const startMs = Date.now() + 24 * 3_600_000;
  await loadRows(world.db, { count: ROWS, startMs, perSecond: 5_000, tenantIds: TENANTS });
  // Else pages meet their first change after a checkpoint, or one comes, in the minute that counts.
  await world.db.query("vacuum analyze");
  await world.db.query("checkpoint");
  const schedulers = await world.start(REPLICAS);
  await pause(SETTLE_MS);
  const wal = async () => {
    const { rows } = await world.db.query<{ bytes: string }>(
      "select pg_current_wal_insert_lsn() - '0/0'::pg_lsn as bytes",
    );
    return Number(rows[0]?.bytes);
  };
  const walBefore = await wal();
  const processes = () => schedulers.reduce((sum, { pid }) => sum + cpuSeconds(pid), 0);
  const processesBefore = processes();
  const postgresBefore = cpuSeconds(world.postgresPid, true);
  statements = 0;
  await pause(SECONDS * 1_000);
  const perSecond = statements / SECONDS / REPLICAS;
  const share = (seconds: number) => (seconds / SECONDS / REPLICAS) * 100;
  const process = share(processes() - processesBefore);
  const postgres = share(cpuSeconds(world.postgresPid, true) - postgresBefore);
  const bytes = (await wal()) - walBefore;
  print({ name: "scheduler.idle.statements", value: perSecond, unit: "/s", bar: "<= 1.3" });
  const core = "% of a core, for each replica";
  print({ name: "scheduler.idle.cpu.process", value: process, unit: core, bar: null });
  print({ name: "scheduler.idle.cpu.postgres", value: postgres, unit: core, bar: null });
  print({ name: "scheduler.idle.cpu", value: process + postgres, unit: core, bar: "<= 0.5" });
  print({ name: "scheduler.idle.wal", value: bytes / SECONDS, unit: "B/s, in all", bar: "0" });
}
