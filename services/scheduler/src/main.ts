import { type WebhookDue, webhookDue } from "@valify/contracts";
import { checkDatabase } from "@valify/database";
import {
  answerPresence,
  connectBus,
  createHealth,
  createLogger,
  createMetrics,
  runService,
  startHealthServer,
  startPeriodicJobs,
  untilShutdown,
  version,
  watchPools,
} from "@valify/runtime";

import { createBrokerGuard } from "./broker-guard.ts";
import { readConfig } from "./config.ts";
import { openDatabases } from "./databases.ts";
import { startDueLoop } from "./due-loop.ts";
import { deleteDueRows } from "./due-queries.ts";
import { housekeepingJobs } from "./housekeeping.ts";
import { createLeaves } from "./leaves.ts";
import { createLedgerLeaves } from "./ledger-leaves.ts";
import { createLoopSignals } from "./loop-signals.ts";
import { startConsumers } from "./start-consumers.ts";
import { createWakeUpStore } from "./store-wake-ups.ts";
import { tombstoneBatch } from "./tombstones.ts";
import { watchBacklog } from "./watch-backlog.ts";

const service = "scheduler";
/** The claim's transaction is open until the acknowledgement: give up well before its time-out. */
const ACK_TIMEOUT_MS = 2_000;

await runService(service, async () => {
  const config = readConfig(process.env);
  const log = createLogger(service, config.LOG_LEVEL);
  await using stack = new AsyncDisposableStack();

  const { db, pool } = stack.use(openDatabases(config.DATABASE_URL, log));
  const bus = stack.use(
    await connectBus({ url: config.NATS_URL, service, log, ackTimeoutMs: ACK_TIMEOUT_MS }),
  );
  const metrics = createMetrics(service, version);
  watchPools(metrics, [db, pool]);

  const leaves = createLeaves(db, log);
  const ledger = createLedgerLeaves(db, log);
  const maintain = async () => void (await Promise.all([leaves.maintain(), ledger.maintain()]));
  await maintain();
  const publish = (event: WebhookDue) => bus.publish(webhookDue, event);
  const guard = createBrokerGuard({
    pool,
    brokerId: () => bus.serverId(),
    messageIdAt: (seq) => bus.messageIdAt(webhookDue.stream, seq),
    publish,
    log,
  });
  const signals = createLoopSignals(metrics);
  const loop = stack.use(
    await startDueLoop({
      pool,
      leaves,
      guard,
      signals,
      publishEach: (events, listener) => bus.publishEach(webhookDue, events, listener),
      log,
      repair: maintain,
    }),
  );
  stack.use(watchBacklog({ pool, leaves, signals, log, ...loop }));
  const jobs = housekeepingJobs({ db, leaves, ledger, log });
  stack.use(startPeriodicJobs({ db, schema: "scheduling", log, metrics }, jobs));
  const health = createHealth({
    database: () => checkDatabase(db),
    nats: () => bus.check(),
    claim: () => loop.check(),
  });
  stack.use(answerPresence(bus, service));
  stack.use(await startHealthServer({ host: config.HOST, port: config.PORT, health, metrics }));

  const store = createWakeUpStore({ db, leaves, onStored: (dueMs) => loop.wake(dueMs) });
  const consumers = await startConsumers(
    { bus, log, metrics, isReady: async () => (await health.report()).healthy },
    {
      storeWakeUp: (row) => store.add(row),
      tombstoneBatch: (batchId) => tombstoneBatch({ db, leaves }, batchId),
      dropWakeUps: (keys) => deleteDueRows(db, keys),
    },
  );
  for (const consumer of consumers) stack.use(consumer);
  log.info({ port: config.PORT }, "service.started");

  await untilShutdown([loop.done, bus.closed, ...consumers.map(({ done }) => done)], log);
  health.drain();
});
