import { checkDatabase } from "@valify/database";
import {
  answerPresence,
  connectBus,
  createAddressGuard,
  createHealth,
  createLogger,
  createMetrics,
  requireSecretKey,
  runService,
  startHealthServer,
  startPeriodicJobs,
  untilShutdown,
  version,
  watchPools,
} from "@valify/runtime";

import { readConfig } from "./config.ts";
import { startDeliveryGauges } from "./delivery-gauges.ts";
import { createDeliveryPath } from "./delivery-path.ts";
import { endpointJobs } from "./endpoint-jobs.ts";
import { housekeepingJobs } from "./housekeeping.ts";
import { createHttpSender } from "./http-sender.ts";
import { createNameResolver } from "./name-resolver.ts";
import { openDatabases } from "./open-databases.ts";
import { joinReplicas } from "./replica-presence.ts";
import { startConsumers } from "./start-consumers.ts";

const service = "webhook-dispatcher";

await runService(service, async () => {
  const config = readConfig(process.env);
  const log = createLogger(service, config.LOG_LEVEL);
  await using stack = new AsyncDisposableStack();

  const databases = stack.use(
    openDatabases(config.DATABASE_URL, (err) => log.warn({ err }, "database.connection_lost")),
  );
  const { db } = databases;
  await requireSecretKey({ db, schema: "delivery", log }, config.SECRET_KEY);
  const guard = createAddressGuard({
    allowedCidrs: config.WEBHOOK_ALLOWED_CIDRS,
    allowHttp: config.WEBHOOK_ALLOW_HTTP,
    resolve: createNameResolver(),
  });
  const bus = stack.use(await connectBus({ url: config.NATS_URL, service, log }));
  const metrics = createMetrics(service, version);
  watchPools(metrics, [db, databases.claimDb]);
  const health = createHealth({ database: () => checkDatabase(db), nats: () => bus.check() });
  stack.use(answerPresence(bus, service));
  stack.use(await startHealthServer({ host: config.HOST, port: config.PORT, health, metrics }));

  const onProxyFault = (err: Error) => log.warn({ err }, "proxy.failed");
  const proxy = config.WEBHOOK_PROXY_URL;
  const sender = stack.use(createHttpSender({ guard, proxy, onProxyFault }));
  const { shareOf } = stack.use(await joinReplicas({ db: databases.claimDb, metrics, log }));
  const path = createDeliveryPath({ databases, bus, sender, log, metrics, shareOf }, config);
  const upkeep = { db, attemptRetentionMs: config.ATTEMPT_RETENTION };
  const jobs = [...endpointJobs({ db, bus }), ...housekeepingJobs(upkeep)];
  stack.use(startPeriodicJobs({ db, schema: "delivery", log, metrics }, jobs));
  stack.use(await startDeliveryGauges({ db, metrics, log }));
  const deps = { bus, log, metrics, isReady: async () => (await health.report()).healthy };
  const consumers = await startConsumers(deps, { db, path });
  for (const consumer of consumers) stack.use(consumer);
  stack.use(path); // before the consumers wait for what they have taken in
  log.info({ port: config.PORT }, "service.started");

  await untilShutdown([bus.closed, ...consumers.map(({ done }) => done)], log);
  health.drain();
});
