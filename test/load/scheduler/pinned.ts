import { setTimeout as pause } from "node:timers/promises";

import { Client } from "pg";

import { requireAhead } from "../../support/require-ahead.ts";
import { print } from "../report.ts";
import { printCount, printEmissions, until } from "./figures.ts";
import { loadRows, TENANTS } from "./load-rows.ts";
import { watchStream } from "./stream-watch.ts";
import { cpuSeconds } from "./usage.ts";
import { startSchedulerWorld } from "./world.ts";

const PER_SECOND = 2_000;
const WARM_SECONDS = 30;
const PINNED_SECONDS = 300;
const REPLICAS = 3;
const LEAD_MS = 20_000;

/** 2,000 due per second, first free, then with a transaction that pins xmin for five minutes. */
export async function measurePinned(): Promise<void> {
  await using world = await startSchedulerWorld();
  await using stream = await watchStream(world.natsUrl);
  const startMs = Date.now() + LEAD_MS;
  const seconds = WARM_SECONDS + PINNED_SECONDS;
  const load = { startMs, perSecond: PER_SECOND, tenantIds: TENANTS };
  await loadRows(world.db, { ...load, count: PER_SECOND * seconds });
  const schedulers = await world.start(REPLICAS);
  requireAhead(startMs);
  const pinFromMs = startMs + WARM_SECONDS * 1_000;
  await until(pinFromMs);
  const pin = new Client({ connectionString: world.databaseUrl });
  await pin.connect();
  await pin.query("begin isolation level repeatable read; select txid_current()");
  const endMs = startMs + seconds * 1_000;
  await until(endMs - 60_000);
  const postgresBefore = cpuSeconds(world.postgresPid, true);
  await until(endMs);
  const postgres = (cpuSeconds(world.postgresPid, true) - postgresBefore) / 60;
  await pause(1_000);
  await pin.query("commit");
  await pin.end();
  for (const scheduler of schedulers) await scheduler.stop();

  const events = await stream.read(1);
  const inTime = events.filter(({ storedMs }) => storedMs >= endMs - 60_000 && storedMs < endMs);
  const loss = (1 - inTime.length / (PER_SECOND * 60)) * 100;
  print({ name: "scheduler.pinned.loss", value: loss, unit: "%", bar: "<= 5" });
  printCount("scheduler.pinned.cpu.postgres", postgres, "cores, last minute", null);
  const free = events.filter(({ dueMs }) => dueMs < pinFromMs);
  printEmissions("scheduler.pinned.before", free, {});
  printEmissions(
    "scheduler.pinned.last_minute",
    events.filter(({ dueMs }) => dueMs >= endMs - 60_000),
    {},
  );
}
