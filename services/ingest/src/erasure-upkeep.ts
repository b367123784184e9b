import type { Database } from "@valify/database";
import {
  type Logger,
  type Metrics,
  type ObjectStore,
  type PeriodicJob,
  startPeriodic,
} from "@valify/runtime";
import type { Kysely } from "kysely";

import { oldestOpenSeconds, tellAgain } from "./erasure-queries.ts";
import { replayOrders, tellServices } from "./erasure-register.ts";
import { asSystem } from "./tenant-scope.ts";

export interface ErasureUpkeepDeps {
  readonly db: Kysely<Database>;
  readonly store: ObjectStore;
  readonly wakeOutbox: () => void;
}

const MINUTE_MS = 60_000;
/** A batch at work may keep an erasure waiting for longer, and then nothing is lost by asking again. */
const TOLD_FOR_MS = 10 * MINUTE_MS;
const TOLD_PER_RUN_MAX = 100;
const GAUGE_EVERY_MS = 15_000;

/** What keeps an erasure from being forgotten itself. */
export function erasureJobs({ db, store, wakeOutbox }: ErasureUpkeepDeps): readonly PeriodicJob[] {
  return [
    {
      name: "open_erasures",
      periodMs: 5 * MINUTE_MS,
      timeoutMs: MINUTE_MS,
      async run({ now }) {
        const before = new Date(now.getTime() - TOLD_FOR_MS);
        const told = await asSystem(db, async (trx) => {
          const open = await tellAgain(trx, { before, limit: TOLD_PER_RUN_MAX });
          for (const erasure of open) await tellServices(trx, erasure);
          return open.length;
        });
        if (told > 0) wakeOutbox();
        return { told };
      },
    },
    {
      // A database that came back from a backup does not know what was asked since.
      name: "lost_erasures",
      periodMs: 60 * MINUTE_MS,
      timeoutMs: 10 * MINUTE_MS,
      async run({ signal }) {
        const found = await replayOrders(db, store, { which: "missing" }, signal);
        if (found > 0) wakeOutbox();
        return { found };
      },
    },
  ];
}

/** Shows for how long the oldest erasure has been open, now and every 15 s, in every replica alike. */
export async function startErasureGauge(deps: {
  readonly db: Kysely<Database>;
  readonly log: Logger;
  readonly metrics: Metrics;
}): Promise<AsyncDisposable> {
  const { db, log, metrics } = deps;
  const age = metrics.gauge(
    "valify_erasure_oldest_open_seconds",
    "Since the oldest erasure that is not complete was asked for",
    [],
  );
  const look = async () => age.set(await asSystem(db, oldestOpenSeconds));
  const event = "erasures.not_read";
  await look().catch((error: unknown) => log.warn({ err: error }, event));
  return startPeriodic(look, { intervalMs: GAUGE_EVERY_MS, event, log });
}
