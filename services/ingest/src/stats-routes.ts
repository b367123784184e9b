import { MemoryStats, type QueueStats, type Worker, WorkerStats } from "@valify/contracts/api";
import type { Database } from "@valify/database";
import type { Logger } from "@valify/runtime";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import type { Kysely } from "kysely";

import type { Admission } from "./admission.ts";
import { countOutbox, countWaitingBatches } from "./stats-queries.ts";
import { asSystem } from "./tenant-scope.ts";

/** What the broker knows: who is connected, and what waits. Rejects while it is away. */
export interface FleetStats {
  workers(): Promise<readonly Worker[]>;
  queues(): Promise<readonly QueueStats[]>;
}

export interface StatsRoutesDeps {
  readonly db: Kysely<Database>;
  readonly log: Logger;
  readonly admission: Admission;
  readonly fleet: FleetStats;
}

const MEMORY_ROUTE = {
  schema: {
    summary: "Memory of this process, and whether it takes uploads",
    response: { 200: MemoryStats },
  },
  config: { permission: "operations:read" },
} as const;
const WORKERS_ROUTE = {
  schema: {
    summary: "Workers, queues and redeliveries of the installation",
    response: { 200: WorkerStats },
  },
  config: { permission: "operations:read" },
} as const;

/** Sums over all tenants, so that an operator sees why it is slow; nothing of any one tenant. */
export const statsRoutes: FastifyPluginAsyncZod<StatsRoutesDeps> = async (app, deps) => {
  const { db, log, admission, fleet } = deps;

  app.get("/memory_stats", MEMORY_ROUTE, async () => {
    const { source, usedBytes, limitBytes } = admission.memory();
    const { rss, heapUsed, external } = process.memoryUsage();
    return {
      source,
      used_bytes: usedBytes,
      limit_bytes: limitBytes,
      utilization: usedBytes / limitBytes,
      rss_bytes: rss,
      heap_used_bytes: heapUsed,
      external_bytes: external,
      admission: admission.view(),
    };
  });

  app.get("/worker_stats", WORKERS_ROUTE, async () => {
    const known = await asSystem(db, async (trx) => ({
      validation: await countWaitingBatches(trx),
      outbox: await countOutbox(trx),
    }));
    const [workers, queues] = await Promise.all([fleet.workers(), fleet.queues()]).catch(
      (error: unknown) => {
        log.warn({ err: error }, "stats.broker_silent");
        return [[], []] as const;
      },
    );
    return { admission: admission.view(), workers: [...workers], queues: [...queues], ...known };
  });
};
