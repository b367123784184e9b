import { setTimeout as pause } from "node:timers/promises";

import { requireAhead } from "../../support/require-ahead.ts";
import { print } from "../report.ts";
import { printEmissions, until, untilCount } from "./figures.ts";
import { loadRows, TENANTS } from "./load-rows.ts";
import { watchStream } from "./stream-watch.ts";
import { startSchedulerWorld } from "./world.ts";

const PER_SECOND = 5_000;
const SECONDS = 60;
const REPLICAS = 3;
const KILL_EVERY_MS = 10_000;
const LEAD_MS = 15_000;
const DEADLINE_MS = 60_000;

/** 5,000 due per second; every ten seconds one of three is killed and started again. */
export async function measureKill(): Promise<void> {
  await using world = await startSchedulerWorld();
  await using stream = await watchStream(world.natsUrl);
  const startMs = Date.now() + LEAD_MS;
  const count = PER_SECOND * SECONDS;
  await loadRows(world.db, { count, startMs, perSecond: PER_SECOND, tenantIds: TENANTS });
  const schedulers = await world.start(REPLICAS);
  requireAhead(startMs);
  await until(startMs + KILL_EVERY_MS / 2);
  for (let kill = 0; Date.now() < startMs + (SECONDS - 5) * 1_000; kill += 1) {
    const victim = schedulers[kill % REPLICAS];
    await victim?.kill9();
    await pause(KILL_EVERY_MS / 2);
    await victim?.start();
    await pause(KILL_EVERY_MS / 2);
  }
  await untilCount(() => stream.count(), count, DEADLINE_MS);
  const events = await stream.read(1);
  print({ name: "scheduler.kill.events", value: events.length, unit: "events", bar: `${count}` });
  printEmissions("scheduler.kill", events, { max: "<= 1500" });
}
