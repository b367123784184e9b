import { setTimeout as pause } from "node:timers/promises";

import { print } from "../report.ts";
import { printClaimTimes } from "./claim-time.ts";
import { printCount, printEmissions, until } from "./figures.ts";
import { loadRows, TENANTS } from "./load-rows.ts";
import { watchStream } from "./stream-watch.ts";
import { cpuSeconds, peakMemoryMib } from "./usage.ts";
import { startSchedulerWorld } from "./world.ts";

const PENDING = 10_000_000;
const FEW = 100_000;
const PER_SECOND = 5_000;
const SECONDS = 120;
const REPLICAS = 3;
/** Loading gets slower as indexes grow; and a checkpoint follows. */
const LOAD_MARGIN = 1.4;
const CHECKPOINT_MS = 15_000;
/** Start-up of three processes is not what is measured. */
const START_MS = 5_000;

/** Ten million rows pending in one or two leaves, 5,000 of them due each second for two minutes. */
export async function measurePending(): Promise<void> {
  await using world = await startSchedulerWorld();
  await using stream = await watchStream(world.natsUrl);
  const { db } = world;
  // Another hour's leaf first: it tells what a claim takes there, and how fast this machine loads.
  const elsewhereMs = Date.now() + 5 * 3_600_000;
  const usual = { perSecond: PER_SECOND, tenantIds: TENANTS };
  const claims = { db, databaseUrl: world.databaseUrl };
  const trialFromMs = Date.now();
  await loadRows(db, { ...usual, startMs: elsewhereMs, count: FEW });
  const rowMs = (Date.now() - trialFromMs) / FEW;
  const few = await printClaimTimes(
    "scheduler.claim_512.at_100k",
    { ...claims, dueFromMs: elsewhereMs },
    null,
  );

  const loadFromMs = Date.now();
  const dueFromMs = loadFromMs + PENDING * rowMs * LOAD_MARGIN + CHECKPOINT_MS;
  await loadRows(db, { ...usual, startMs: dueFromMs, count: PENDING });
  const loadSeconds = (Date.now() - loadFromMs) / 1_000;
  printCount("scheduler.pending.load_rate", PENDING / loadSeconds, "rows/s", null);
  const many = await printClaimTimes("scheduler.claim_512.at_10m", { ...claims, dueFromMs }, null);
  print({ name: "scheduler.claim_512.ratio", value: many / few, unit: "x", bar: "<= 2" });

  await db.query("checkpoint");
  const spareMs = dueFromMs - Date.now() - START_MS;
  if (spareMs < 0) throw new Error(`loading took ${-spareMs} ms too long: nothing was measured`);
  await pause(spareMs);
  const schedulers = await world.start(REPLICAS);
  await until(dueFromMs);
  const pids = schedulers.map(({ pid }) => pid);
  const before = pids.map((pid) => cpuSeconds(pid));
  const postgresBefore = cpuSeconds(world.postgresPid, true);
  const natsBefore = cpuSeconds(world.natsPid);
  await until(dueFromMs + SECONDS * 1_000);
  const used = pids.reduce((sum, pid, index) => sum + cpuSeconds(pid) - (before[index] ?? 0), 0);
  printCount("scheduler.pending.cpu.schedulers", used / SECONDS, "cores", null);
  const postgres = (cpuSeconds(world.postgresPid, true) - postgresBefore) / SECONDS;
  printCount("scheduler.pending.cpu.postgres", postgres, "cores", null);
  const nats = (cpuSeconds(world.natsPid) - natsBefore) / SECONDS;
  printCount("scheduler.pending.cpu.nats", nats, "cores", null);
  await pause(1_000);
  const memory = Math.max(...pids.map((pid) => peakMemoryMib(pid)));
  printCount("scheduler.pending.peak_memory", memory, "MiB", "<= 256");
  for (const scheduler of schedulers) await scheduler.stop();

  const wanted = dueFromMs + SECONDS * 1_000;
  const events = (await stream.read(1)).filter(({ dueMs }) => dueMs < wanted);
  printCount("scheduler.pending.events", events.length, "events", `${SECONDS * PER_SECOND}`);
  const bars = { p50: "<= 15", p99: "<= 100", max: "<= 1000" };
  printEmissions("scheduler.pending", events, bars);
}
