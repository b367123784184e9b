import { webhookDue } from "@valify/contracts";
import { checkDatabase, createDatabase } from "@valify/database";
import {
  connectBus,
  createHealth,
  createLogger,
  createMetrics,
  LATENESS_BUCKETS,
  runService,
  startHealthServer,
  startPeriodic,
  untilShutdown,
  version,
} from "@valify/runtime";

import { readConfig } from "./config.ts";
import { CLAIM_SETTINGS, startDueLoop, TURNS_MAX } from "./due-loop.ts";
import { tombstoneBatch } from "./due-queries.ts";
import { createLeaves } from "./leaves.ts";
import { startConsumers } from "./start-consumers.ts";
import { createWakeUpStore } from "./store-wake-ups.ts";

const service = "scheduler";
const MAINTAIN_EVERY_MS = 60_000;
/** The claim's transaction is open until the acknowledgement: give up well before its time-out. */
const ACK_TIMEOUT_MS = 2_000;

await runService(service, async () => {
  const config = readConfig(process.env);
  const log = createLogger(service, config.LOG_LEVEL);
  await using stack = new AsyncDisposableStack();

  const onIdleError = (err: Error) => log.warn({ err }, "database.connection_lost");
  const database = { url: config.DATABASE_URL, role: "valify_scheduler", onIdleError } as const;
  const db = stack.use(createDatabase({ ...database, applicationName: "valify-scheduler" }));
  const claimDb = stack.use(
    createDatabase({
      ...database,
      applicationName: "valify-scheduler-claim",
      connectionsMax: TURNS_MAX + 1,
      settings: CLAIM_SETTINGS,
    }),
  );
  const bus = stack.use(
    await connectBus({ url: config.NATS_URL, service, log, ackTimeoutMs: ACK_TIMEOUT_MS }),
  );
  const metrics = createMetrics(service, version);
  const health = createHealth({ database: () => checkDatabase(db), nats: () => bus.check() });
  stack.use(await startHealthServer({ host: config.HOST, port: config.PORT, health, metrics }));

  const leaves = createLeaves(db, log);
  await leaves.maintain();
  const every = { intervalMs: MAINTAIN_EVERY_MS, event: "leaf.maintenance_failed", log };
  stack.use(startPeriodic(() => leaves.maintain(), every));
  const lateness = metrics.histogram(
    "valify_schedule_lateness_seconds",
    "From the due instant to the stored event",
    [],
    LATENESS_BUCKETS,
  );
  const loop = stack.use(
    await startDueLoop({
      db: claimDb,
      leaves,
      log,
      publish: (event) => bus.publish(webhookDue, event),
      observeLateness: (seconds) => lateness.observe(seconds),
    }),
  );

  const store = createWakeUpStore({ db, leaves, onStored: (dueMs) => loop.wake(dueMs) });
  const consumers = await startConsumers(
    { bus, log, metrics, isReady: async () => (await health.report()).healthy },
    {
      storeWakeUp: (row) => store.add(row),
      tombstoneBatch: (batchId) => tombstoneBatch(db, batchId),
    },
  );
  for (const consumer of consumers) stack.use(consumer);
  log.info({ port: config.PORT }, "service.started");

  await untilShutdown([loop.done, bus.closed, ...consumers.map(({ done }) => done)], log);
  health.drain();
});
