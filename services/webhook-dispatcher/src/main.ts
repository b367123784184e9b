import { batchCancelled, webhookDue } from "@valify/contracts";
import { checkDatabase } from "@valify/database";
import {
  connectBus,
  createAddressGuard,
  createHealth,
  createLogger,
  createMetrics,
  createSecretBox,
  runService,
  startConsumer,
  startHealthServer,
  untilShutdown,
  version,
} from "@valify/runtime";

import { announceOutcome } from "./announce-outcome.ts";
import { createAttemptMetrics } from "./attempt-metrics.ts";
import { createBatchCancelledHandler } from "./batch-cancelled-handler.ts";
import { readConfig } from "./config.ts";
import { createDeliverWebhook } from "./deliver-webhook.ts";
import { cancelWaiting } from "./delivery-queries.ts";
import { createEndpointGate } from "./endpoint-gate.ts";
import { createEndpointSecrets } from "./endpoint-secrets.ts";
import { createHttpSender } from "./http-sender.ts";
import { openDatabases } from "./open-databases.ts";
import { createPreparer } from "./prepare-deliveries.ts";
import { createOutcomeRecorder } from "./record-outcomes.ts";
import { createWebhookDueHandler } from "./webhook-due-handler.ts";

const service = "webhook-dispatcher";
/** Deliveries under work in this process; what an endpoint may take of it is its own setting. */
const DELIVERIES_AT_ONCE = 500;

await runService(service, async () => {
  const config = readConfig(process.env);
  const log = createLogger(service, config.LOG_LEVEL);
  await using stack = new AsyncDisposableStack();

  const databases = stack.use(
    openDatabases(config.DATABASE_URL, (err) => log.warn({ err }, "database.connection_lost")),
  );
  const { db } = databases;
  const guard = createAddressGuard({
    allowedCidrs: config.WEBHOOK_ALLOWED_CIDRS,
    allowHttp: config.WEBHOOK_ALLOW_HTTP,
  });
  const bus = stack.use(await connectBus({ url: config.NATS_URL, service, log }));
  const metrics = createMetrics(service, version);
  const health = createHealth({ database: () => checkDatabase(db), nats: () => bus.check() });
  stack.use(await startHealthServer({ host: config.HOST, port: config.PORT, health, metrics }));

  const sender = createHttpSender({ guard });
  const deliver = createDeliverWebhook(
    {
      gate: createEndpointGate(),
      sender: stack.use(sender),
      secretsOf: createEndpointSecrets(createSecretBox(config.SECRET_KEY)),
      record: createOutcomeRecorder(db, log),
      observe: createAttemptMetrics(metrics, log),
    },
    {
      userAgent: `valify-batch/${version}`,
      concurrency: config.WEBHOOK_CONCURRENCY,
      retryDelaysMs: config.WEBHOOK_RETRY_DELAYS,
    },
  );
  const deps = { bus, log, metrics, isReady: async () => (await health.report()).healthy };
  const consumers = [
    await startConsumer(deps, {
      durable: "dispatcher",
      event: webhookDue,
      concurrency: DELIVERIES_AT_ONCE,
      handle: createWebhookDueHandler({
        prepare: createPreparer(databases, config.WEBHOOK_RATE_PER_SECOND),
        deliver,
        announce: (outcome) => announceOutcome(bus, outcome),
      }),
    }),
    await startConsumer(deps, {
      durable: "dispatcher-cancelled",
      event: batchCancelled,
      concurrency: 10,
      handle: createBatchCancelledHandler((batchId) => cancelWaiting(db, batchId)),
    }),
  ];
  for (const consumer of consumers) stack.use(consumer);
  log.info({ port: config.PORT }, "service.started");

  await untilShutdown([bus.closed, ...consumers.map(({ done }) => done)], log);
  health.drain();
});
