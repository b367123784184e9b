import { checkDatabase, createDatabase, createLeadHash } from "@valify/database";
import {
  answerPresence,
  connectBus,
  createHealth,
  createLogger,
  createMetrics,
  createObjectStore,
  requireSecretKey,
  runService,
  startHealthServer,
  startPeriodicJobs,
  untilShutdown,
  version,
  watchPools,
} from "@valify/runtime";

import { createBatchObserver } from "./batch-observer.ts";
import { readConfig } from "./config.ts";
import { openExternalProvider } from "./external-provider.ts";
import { housekeepingJobs } from "./housekeeping.ts";
import { startConsumers, startErasures, startQueue } from "./start-consumers.ts";
import { stuckRunsJob } from "./stuck-runs.ts";

const service = "validator";

await runService(service, async () => {
  const config = readConfig(process.env);
  const log = createLogger(service, config.LOG_LEVEL);
  // Disposed from last to first: end the batches at work, then close what they use.
  await using stack = new AsyncDisposableStack();

  const db = stack.use(
    createDatabase({
      url: config.DATABASE_URL,
      role: "valify_validator",
      applicationName: "valify-validator",
      onIdleError: (error) => log.warn({ err: error }, "database.connection_lost"),
    }),
  );
  const objects = stack.use(await createObjectStore(config));
  await requireSecretKey({ db, schema: "validation", log }, config.SECRET_KEY);
  const bus = stack.use(await connectBus({ url: config.NATS_URL, service, log }));
  const metrics = createMetrics(service, version);
  watchPools(metrics, [db]);
  const health = createHealth({
    database: () => checkDatabase(db),
    nats: () => bus.check(),
    object_store: () => objects.check(),
  });
  stack.use(answerPresence(bus, service));
  stack.use(await startHealthServer({ host: config.HOST, port: config.PORT, health, metrics }));

  const isReady = async () => (await health.report()).healthy;
  const jobs = [
    ...housekeepingJobs({ db, objects, leadRetentionMs: config.LEAD_RETENTION }),
    stuckRunsJob({ db, bus, isReady, stuckAfterMs: config.STUCK_AFTER }),
  ];
  stack.use(startPeriodicJobs({ db, schema: "validation", log, metrics }, jobs));
  const observer = createBatchObserver(log, metrics);
  const external = openExternalProvider(config);
  if (external !== undefined) stack.use(external);
  const leadHash = createLeadHash(config.SECRET_KEY);
  const handlers = { db, bus, objects, observer, log, leadHash, external };
  const queue = stack.use(startQueue({ log, metrics, isReady }, handlers, config));
  const inputs = { bus, log, metrics, isReady };
  const consumers = [
    ...(await startConsumers(inputs, handlers, queue)),
    await startErasures(inputs, handlers, config),
  ];
  for (const consumer of consumers) stack.use(consumer);
  log.info({ port: config.PORT }, "service.started");

  await untilShutdown([bus.closed, ...consumers.map(({ done }) => done)], log);
  health.drain();
});
