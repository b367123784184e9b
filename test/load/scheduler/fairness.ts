import { requireAhead } from "../../support/require-ahead.ts";
import { percentile, print } from "../report.ts";
import { printCount, until } from "./figures.ts";
import { loadRows, TENANTS } from "./load-rows.ts";
import { type Emitted, watchStream } from "./stream-watch.ts";
import { peakMemoryMib } from "./usage.ts";
import { startSchedulerWorld } from "./world.ts";

const HERD = 1_000_000;
const OTHERS_PER_SECOND = 200;
const OTHERS_SECONDS = 45;
const REPLICAS = 3;
/** For the loading and three processes to start; the loading is timed and said. */
const LEAD_MS = 35_000;
/** After the last of the others is due: whoever is not out by then is missing, and said to be. */
const GRACE_MS = 5_000;

/**
 * A million rows of one tenant at one instant; 15 others, in all lanes, have some at that instant and
 * from then on. It ends a while after the last of those, whether or not the herd is through by then.
 */
export async function measureFairness(): Promise<void> {
  await using world = await startSchedulerWorld();
  await using stream = await watchStream(world.natsUrl);
  const loadFromMs = performance.now();
  const startMs = Date.now() + LEAD_MS;
  const [herd = "", ...others] = TENANTS;
  const instant = { startMs, perSecond: Infinity };
  await loadRows(world.db, { ...instant, count: HERD, tenantIds: [herd] });
  await loadRows(world.db, { ...instant, count: OTHERS_PER_SECOND, tenantIds: others });
  const count = OTHERS_PER_SECOND * OTHERS_SECONDS;
  await loadRows(world.db, { startMs, perSecond: OTHERS_PER_SECOND, count, tenantIds: others });
  const loaded = (performance.now() - loadFromMs) / 1_000;
  const schedulers = await world.start(REPLICAS);
  requireAhead(startMs);
  printCount("scheduler.fairness.loaded", loaded, "s", null);
  await until(startMs + OTHERS_SECONDS * 1_000 + GRACE_MS);
  const memory = Math.max(...schedulers.map(({ pid }) => peakMemoryMib(pid)));
  printCount("scheduler.fairness.peak_memory", memory, "MiB", "<= 256");
  for (const scheduler of schedulers) await scheduler.stop();

  const events = await stream.read(1);
  const fromHerd = events.filter(({ tenantId }) => tenantId === herd);
  const lastMs = fromHerd.reduce((most, { lateMs }) => Math.max(most, lateMs), 0);
  printCount("scheduler.fairness.herd", fromHerd.length, "events", null);
  printCount("scheduler.fairness.herd_rate", (fromHerd.length * 1_000) / lastMs, "/s", null);
  const ofOthers = events.filter(({ tenantId }) => tenantId !== herd);
  const missing = count + OTHERS_PER_SECOND - ofOthers.length;
  print({ name: "scheduler.fairness.others.missing", value: missing, unit: "events", bar: "0" });
  printOthers(ofOthers, startMs);
}

function printOthers(events: readonly Emitted[], startMs: number): void {
  const late = events.map(({ lateMs }) => lateMs);
  const atInstant = events.filter(({ dueMs }) => dueMs === startMs).map(({ lateMs }) => lateMs);
  for (const [label, value] of [
    ["p50", percentile(late, 0.5)],
    ["p99", percentile(late, 0.99)],
    ["at_instant.max", percentile(atInstant, 1)],
  ] as const) {
    printCount(`scheduler.fairness.others.${label}`, value, "ms", null);
  }
  const most = percentile(late, 1);
  print({ name: "scheduler.fairness.others.max", value: most, unit: "ms", bar: "<= 1000" });
}
