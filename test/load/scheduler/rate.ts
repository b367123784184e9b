import { setTimeout as pause } from "node:timers/promises";

import { requireAhead } from "../../support/require-ahead.ts";
import { print } from "../report.ts";
import { printCount, until } from "./figures.ts";
import { loadRows, TENANTS } from "./load-rows.ts";
import { watchStream } from "./stream-watch.ts";
import { cpuSeconds } from "./usage.ts";
import { startSchedulerWorld } from "./world.ts";

const ROWS = 1_600_000;
const SECONDS = 60;
const REPLICAS = [1, 2, 4] as const;
const LOAD_MS = 45_000;
const SETTLE_MS = 5_000;

/** More due than can go out: what goes out in a minute is the ceiling, with 1, 2 and 4 replicas. */
export async function measureRate(): Promise<void> {
  for (const replicas of REPLICAS) {
    await using world = await startSchedulerWorld();
    await using stream = await watchStream(world.natsUrl);
    const startMs = Date.now() + LOAD_MS;
    await loadRows(world.db, { count: ROWS, startMs, perSecond: 40_000, tenantIds: TENANTS });
    await world.db.query("checkpoint");
    const schedulers = await world.start(replicas);
    requireAhead(startMs);
    await until(startMs + SETTLE_MS);
    const usedBefore = schedulers.map(({ pid }) => cpuSeconds(pid));
    const postgresBefore = cpuSeconds(world.postgresPid, true);
    const natsBefore = cpuSeconds(world.natsPid);
    const before = await stream.count();
    const fromMs = performance.now();
    await pause(SECONDS * 1_000);
    const count = (await stream.count()) - before;
    const seconds = (performance.now() - fromMs) / 1_000;
    const name = `scheduler.rate.replicas_${replicas}`;
    print({ name, value: count / seconds, unit: "/s", bar: ">= 10000" });
    const used = schedulers.reduce(
      (sum, { pid }, index) => sum + cpuSeconds(pid) - (usedBefore[index] ?? 0),
      0,
    );
    printCount(`${name}.cpu.schedulers`, used / seconds, "cores", null);
    const postgres = (cpuSeconds(world.postgresPid, true) - postgresBefore) / seconds;
    printCount(`${name}.cpu.postgres`, postgres, "cores", null);
    printCount(
      `${name}.cpu.nats`,
      (cpuSeconds(world.natsPid) - natsBefore) / seconds,
      "cores",
      null,
    );
  }
}
