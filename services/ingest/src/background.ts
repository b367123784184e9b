import {
  batchCancelled,
  batchUploaded,
  erasureCleared,
  erasureRequested,
  leadErased,
} from "@valify/contracts";
import { checkDatabase, type Database } from "@valify/database";
import {
  type AddressGuard,
  answerPresence,
  type Bus,
  type Consumer,
  type Logger,
  type Metrics,
  type ObjectStore,
  type OutboxRelay,
  startConsumer,
  startOutboxRelay,
  startPeriodicJobs,
  startStreamMetrics,
} from "@valify/runtime";
import type { Kysely } from "kysely";

import type { readConfig } from "./config.ts";
import { createErasureClearedHandler } from "./erasure-cleared-handler.ts";
import { erasureJobs, startErasureGauge } from "./erasure-upkeep.ts";
import { housekeepingJobs } from "./housekeeping.ts";
import { lostBatchesJob } from "./lost-batches.ts";
import { startNotifier } from "./notify.ts";
import { startOutboxGauges } from "./outbox-gauges.ts";
import { startUsageConsumers } from "./usage-consumers.ts";

export interface BackgroundDeps {
  readonly db: Kysely<Database>;
  readonly bus: Bus;
  readonly store: ObjectStore;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly guard: AddressGuard;
  readonly config: ReturnType<typeof readConfig>;
}

export interface Background extends AsyncDisposable {
  readonly relay: OutboxRelay;
  readonly consumers: readonly Consumer[];
}

/** What this process does unasked: relays the outbox, keeps house, takes in events. */
export async function startBackground(deps: BackgroundDeps): Promise<Background> {
  const { db, bus, store, log, metrics, config, guard } = deps;
  await using stack = new AsyncDisposableStack();
  const contracts = [batchUploaded, batchCancelled, erasureRequested, leadErased];
  const relay = stack.use(startOutboxRelay({ db, bus, log, contracts }));
  const jobs = [
    ...housekeepingJobs({ db, store, metrics, uploadRetentionMs: config.UPLOAD_RETENTION }),
    ...erasureJobs({ db, store, wakeOutbox: () => relay.wake() }),
    lostBatchesJob({ db, stuckAfterMs: config.STUCK_AFTER, wakeOutbox: () => relay.wake() }),
  ];
  stack.use(startPeriodicJobs({ db, schema: "ingest", log, metrics }, jobs));
  stack.use(answerPresence(bus, "ingest"));
  stack.use(await startOutboxGauges({ db, log, metrics }));
  stack.use(await startErasureGauge({ db, log, metrics }));
  stack.use(await startStreamMetrics({ bus, log, metrics }));
  const isReady = () =>
    checkDatabase(db).then(
      () => true,
      () => false,
    );
  const consuming = { bus, log, metrics, isReady };
  const notifier = stack.use(await startNotifier(consuming, { db, settings: config, guard }));
  const usage = await startUsageConsumers(consuming, db);
  for (const consumer of usage) stack.use(consumer);
  const erasures = stack.use(
    await startConsumer(consuming, {
      durable: "ingest-erasure",
      event: erasureCleared,
      concurrency: 2,
      handle: createErasureClearedHandler({
        db,
        store,
        wakeOutbox: () => relay.wake(),
        now: () => new Date(),
      }),
    }),
  );
  const consumers = [...usage, ...notifier.consumers, erasures];
  const owned = stack.move();
  return { relay, consumers, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}
