import { batchCancelled, batchUploaded } from "@valify/contracts";
import { checkDatabase, createDatabase } from "@valify/database";
import {
  connectBus,
  createAddressGuard,
  createHealth,
  createLogger,
  createMetrics,
  createObjectStore,
  createSecretBox,
  runService,
  startOutboxRelay,
  startPeriodicJobs,
  untilShutdown,
  version,
} from "@valify/runtime";

import { buildApp } from "./app.ts";
import { bootstrap } from "./bootstrap.ts";
import { egressOf, readConfig } from "./config.ts";
import { housekeepingJobs } from "./housekeeping.ts";
import { startReplayWorker } from "./replay-worker.ts";
import { startUsageConsumers } from "./usage-consumers.ts";
import { createWebhookOutlet } from "./webhook-outlet.ts";

await runService("ingest", async () => {
  const config = readConfig(process.env);
  const log = createLogger("ingest", config.LOG_LEVEL);
  const store = createObjectStore(config);

  // Disposed from last to first: stop answering, then relaying, then the broker and Postgres.
  await using stack = new AsyncDisposableStack();
  stack.use(store);
  const db = stack.use(
    createDatabase({
      url: config.DATABASE_URL,
      role: "valify_ingest",
      applicationName: "valify-ingest",
      onIdleError: (error) => log.warn({ err: error }, "database.connection_lost"),
    }),
  );
  const secretBox = createSecretBox(config.SECRET_KEY);
  const guard = createAddressGuard(egressOf(config));
  await bootstrap({ db, secretBox, log }, config);
  const bus = stack.use(await connectBus({ url: config.NATS_URL, service: "ingest", log }));
  const relay = stack.use(
    startOutboxRelay({ db, bus, log, contracts: [batchUploaded, batchCancelled] }),
  );

  const outlet = createWebhookOutlet(bus);
  const replays = stack.use(startReplayWorker({ db, ...outlet }, log));
  const metrics = createMetrics("ingest", version);
  const jobs = housekeepingJobs({ db, store, metrics, uploadRetentionMs: config.UPLOAD_RETENTION });
  stack.use(startPeriodicJobs({ db, schema: "ingest", log, metrics }, jobs));

  const isReady = () =>
    checkDatabase(db).then(
      () => true,
      () => false,
    );
  const consumers = await startUsageConsumers({ bus, log, metrics, isReady }, db);
  for (const consumer of consumers) stack.use(consumer);

  const serving = { database: () => checkDatabase(db), s3: () => store.check() };
  const readiness = createHealth(serving);
  const health = createHealth({ ...serving, nats: () => bus.check() });
  const app = stack.adopt(
    await buildApp({
      config,
      db,
      store,
      log,
      metrics,
      health,
      readiness,
      secretBox,
      guard,
      wakeOutbox: () => relay.wake(),
      wakeReplays: () => replays.wake(),
      ...outlet,
    }),
    async (server) => server.close(),
  );
  const address = await app.listen({ host: config.HOST, port: config.PORT });
  log.info({ address, version }, "service.started");

  await untilShutdown([bus.closed, ...consumers.map(({ done }) => done)], log);
  readiness.drain();
  health.drain();
});
