import { percentile, print } from "../report.ts";
import { printCount, requireAhead, until } from "./figures.ts";
import { loadRows, TENANTS } from "./load-rows.ts";
import { watchStream } from "./stream-watch.ts";
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
  for (const scheduler of schedulers) await scheduler.stop();

  const events = await stream.read(1);
  const late = events.filter(({ tenantId }) => tenantId !== herd).map(({ lateMs }) => lateMs);
  const herdEvents = events.length - late.length;
  const fromHerd = events.filter(({ tenantId }) => tenantId === herd);
  const lastMs = fromHerd.reduce((most, { lateMs }) => Math.max(most, lateMs), 0);
  printCount("scheduler.fairness.herd", herdEvents, "events", null);
  printCount("scheduler.fairness.herd_rate", (herdEvents * 1_000) / lastMs, "/s", null);
  const missing = count + OTHERS_PER_SECOND - late.length;
  print({ name: "scheduler.fairness.others.missing", value: missing, unit: "events", bar: "0" });
  for (const [label, share] of [
    ["p50", 0.5],
    ["p99", 0.99],
  ] as const) {
    const value = percentile(late, share);
    printCount(`scheduler.fairness.others.${label}`, value, "ms", null);
  }
  const most = percentile(late, 1);
  print({ name: "scheduler.fairness.others.max", value: most, unit: "ms", bar: "<= 1000" });
}
