import { requireAhead } from "../../support/require-ahead.ts";
import { percentile, print } from "../report.ts";
import { printCount, printEmissions, until, untilCount } from "./figures.ts";
import { loadRows, TENANTS } from "./load-rows.ts";
import { watchStream } from "./stream-watch.ts";
import { cpuSeconds, peakMemoryMib } from "./usage.ts";
import { startSchedulerWorld } from "./world.ts";

const ROWS = 100_000;
const REPLICAS = 3;
const ROUNDS = 3;
const LEAD_MS = 8_000;
const DEADLINE_MS = 120_000;

/** 100,000 due at one instant. */
export async function measureInstant(): Promise<void> {
  await using world = await startSchedulerWorld();
  await using stream = await watchStream(world.natsUrl);
  const schedulers = await world.start(REPLICAS);
  const drainedMs: number[] = [];
  const firstMs: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const before = await stream.count();
    const startMs = Date.now() + LEAD_MS;
    await loadRows(world.db, { count: ROWS, startMs, perSecond: Infinity, tenantIds: TENANTS });
    requireAhead(startMs);
    await until(startMs);
    const usedBefore = schedulers.map(({ pid }) => cpuSeconds(pid));
    await untilCount(() => stream.count(), before + ROWS, DEADLINE_MS);
    const events = await stream.read(before + 1);
    const late = events.map(({ lateMs }) => lateMs);
    drainedMs.push(Math.max(...late.slice(-1), percentile(late, 1)));
    firstMs.push(late.reduce((least, ms) => Math.min(least, ms), Infinity));
    if (round < ROUNDS - 1) continue;
    printEmissions("scheduler.instant", events, {});
    const used = schedulers.map(({ pid }, index) => cpuSeconds(pid) - (usedBefore[index] ?? 0));
    printCount("scheduler.instant.cpu", percentile(used, 1), "s, busiest replica", null);
  }
  const drained = percentile(drainedMs, 0.5) / 1_000;
  print({ name: "scheduler.instant.drained.median", value: drained, unit: "s", bar: "<= 10" });
  print({
    name: "scheduler.instant.rate.median",
    value: ROWS / drained,
    unit: "/s",
    bar: ">= 10000",
  });
  const first = percentile(firstMs, 0.5);
  print({ name: "scheduler.instant.first.median", value: first, unit: "ms", bar: "<= 50" });
  const memory = Math.max(...schedulers.map(({ pid }) => peakMemoryMib(pid)));
  printCount("scheduler.instant.peak_memory", memory, "MiB", "<= 256");
}
