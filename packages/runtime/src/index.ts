export { type AddressGuard, AddressRefusedError, createAddressGuard } from "./address-guard.ts";
export { awaitDatabase } from "./await-database.ts";
export { type Batcher, createBatcher } from "./batcher.ts";
export { type Bus, connectBus } from "./bus.ts";
export { commonSettings, ConfigError, parseConfig, parseDurationMs, setting } from "./config.ts";
export { type Consumer, startConsumer } from "./consumer.ts";
export { deliveryIdOf, deterministicUuid } from "./deterministic-uuid.ts";
export { eraseMessages } from "./erase-messages.ts";
export { PermanentError } from "./errors.ts";
export { answerPresence, findWorkers, readQueues } from "./fleet.ts";
export { createGuardedConnector } from "./guarded-connector.ts";
export { answerProbe, startHealthServer } from "./health-server.ts";
export { createHealth, type Health } from "./health.ts";
export { instantText } from "./instant-text.ts";
export { runService, untilShutdown } from "./lifecycle.ts";
export { createLogger, type Logger } from "./logger.ts";
export { createMetrics, LATENESS_BUCKETS, type Metrics, OPERATION_BUCKETS } from "./metrics.ts";
export {
  createObjectStore,
  type ObjectStore,
  readObject,
  type StoredObject,
} from "./object-store.ts";
export { type OutboxRelay, startOutboxRelay } from "./outbox-relay.ts";
export { type ConsumerDeps, type ConsumerSpec, type Later } from "./settle-message.ts";
export { watchPools } from "./pool-metrics.ts";
export { startStreamMetrics } from "./stream-metrics.ts";
export { requireSecretKey } from "./require-secret-key.ts";
export { createSecretBox, type SecretBox } from "./secret-box.ts";
export { type JobRun, type PeriodicJob, startPeriodicJobs } from "./periodic-jobs.ts";
export { startPeriodic } from "./periodic.ts";
export { DISPATCHER_ACK_WAIT_MS, WEBHOOKS_DEDUPE_WINDOW_MS } from "./topology.ts";
export { version } from "./version.ts";
export { createWake, type Wake } from "./wake.ts";
