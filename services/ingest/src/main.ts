import { checkDatabase, createLeadHash } from "@valify/database";
import {
  connectBus,
  createAddressGuard,
  createHealth,
  createLogger,
  createMetrics,
  createObjectStore,
  createSecretBox,
  findWorkers,
  readQueues,
  requireSecretKey,
  runService,
  untilShutdown,
  version,
  watchPools,
} from "@valify/runtime";

import { startAdmission } from "./admission.ts";
import { buildApp } from "./app.ts";
import { startBackground } from "./background.ts";
import { bootstrap } from "./bootstrap.ts";
import { egressOf, readConfig } from "./config.ts";
import { createOidcProvider } from "./oidc-provider.ts";
import { openDatabase } from "./open-database.ts";
import { startReplayWorker } from "./replay-worker.ts";
import { createWebhookOutlet } from "./webhook-outlet.ts";

await runService("ingest", async () => {
  const config = readConfig(process.env);
  const log = createLogger("ingest", config.LOG_LEVEL);
  const store = await createObjectStore(config);

  // Disposed from last to first: stop answering, then relaying, then the broker and Postgres.
  await using stack = new AsyncDisposableStack();
  stack.use(store);
  const db = stack.use(
    openDatabase({
      url: config.DATABASE_URL,
      applicationName: "valify-ingest",
      onIdleError: (error) => log.warn({ err: error }, "database.connection_lost"),
    }),
  );
  await requireSecretKey({ db, schema: "ingest", log }, config.SECRET_KEY);
  const secretBox = createSecretBox(config.SECRET_KEY);
  const guard = createAddressGuard(egressOf(config));
  await bootstrap({ db, secretBox, log }, config);
  const bus = stack.use(await connectBus({ url: config.NATS_URL, service: "ingest", log }));
  const outlet = createWebhookOutlet(bus);
  const replays = stack.use(startReplayWorker({ db, ...outlet }, log));
  const metrics = createMetrics("ingest", version);
  watchPools(metrics, [db]);
  const background = stack.use(
    await startBackground({ db, bus, store, log, metrics, config, guard }),
  );

  const serving = { database: () => checkDatabase(db), s3: () => store.check() };
  const readiness = createHealth(serving);
  const health = createHealth({ ...serving, nats: () => bus.check() });
  const gate = { memoryLimitBytes: config.MEMORY_LIMIT_BYTES, health, log, metrics };
  const admission = stack.use(await startAdmission(gate));
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
      ...(config.oidc === undefined ? {} : { oidc: createOidcProvider(config.oidc) }),
      leadHash: createLeadHash(config.SECRET_KEY),
      guard,
      wakeReplays: () => replays.wake(),
      ...outlet,
      wakeOutbox: () => background.relay.wake(),
      admission,
      fleet: { workers: () => findWorkers(bus), queues: () => readQueues(bus, log) },
    }),
    async (server) => server.close(),
  );
  const address = await app.listen({ host: config.HOST, port: config.PORT });
  log.info({ address, version }, "service.started");

  await untilShutdown([bus.closed, ...background.consumers.map(({ done }) => done)], log);
  readiness.drain();
  health.drain();
});
