import { print } from "../report.ts";
import { until, untilCount } from "./figures.ts";
import { printCount } from "./figures.ts";
import { loadRows, TENANTS } from "./load-rows.ts";
import { watchStream } from "./stream-watch.ts";
import { startSchedulerWorld } from "./world.ts";

const HERD = 1_000_000;
const OTHERS_PER_SECOND = 200;
const OTHERS_SECONDS = 60;
const REPLICAS = 3;
const LEAD_MS = 30_000;
const DEADLINE_MS = 240_000;

/** A million rows of one tenant at one instant; 15 others, in all lanes, have some from then on. */
export async function measureFairness(): Promise<void> {
  await using world = await startSchedulerWorld();
  await using stream = await watchStream(world.natsUrl);
  const startMs = Date.now() + LEAD_MS;
  const [herd = "", ...others] = TENANTS;
  const instant = { startMs, perSecond: Infinity };
  await loadRows(world.db, { ...instant, count: HERD, tenantIds: [herd] });
  await loadRows(world.db, { ...instant, count: OTHERS_PER_SECOND, tenantIds: others });
  const count = OTHERS_PER_SECOND * OTHERS_SECONDS;
  await loadRows(world.db, { startMs, perSecond: OTHERS_PER_SECOND, count, tenantIds: others });
  await world.start(REPLICAS);
  await until(startMs);
  await untilCount(() => stream.count(), HERD + count + OTHERS_PER_SECOND, DEADLINE_MS);
  const events = await stream.read(1);
  const late = (isHerd: boolean) =>
    events
      .filter(({ tenantId }) => (tenantId === herd) === isHerd)
      .reduce((most, { lateMs }) => Math.max(most, lateMs), 0);
  const drained = late(true) / 1_000;
  printCount("scheduler.fairness.herd_drained", drained, "s", null);
  printCount("scheduler.fairness.herd_rate", HERD / drained, "/s", null);
  print({ name: "scheduler.fairness.others.max", value: late(false), unit: "ms", bar: "<= 1000" });
}
