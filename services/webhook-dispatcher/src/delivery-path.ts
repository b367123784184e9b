import { type Bus, createSecretBox, type Logger, type Metrics, version } from "@valify/runtime";

import { announceDisabled } from "./announce-disabled.ts";
import { announceOutcomes, type DeliveryOutcome } from "./announce-outcome.ts";
import { createAttemptMetrics } from "./attempt-metrics.ts";
import { createConcluder } from "./conclude-deliveries.ts";
import { createDeliverWebhook } from "./deliver-webhook.ts";
import { createReadAhead } from "./domain/read-ahead.ts";
import { createTenantTurns } from "./domain/tenant-turns.ts";
import { createEndCounter } from "./end-counter.ts";
import { createEndpointAdmission } from "./endpoint-admission.ts";
import { createEndpointGate } from "./endpoint-gate.ts";
import { createEndpointSecrets } from "./endpoint-secrets.ts";
import type { HttpSender } from "./http-sender.ts";
import type { Endpoint } from "./lead-queries.ts";
import type { DispatcherDatabases } from "./open-databases.ts";
import { createPreparer } from "./prepare-deliveries.ts";
import { createOutcomeRecorder } from "./record-outcomes.ts";
import { WAIT_MAX_MS } from "./reserve-turns.ts";
import { createLaterTurns } from "./turn-later.ts";
import { createWebhookDueHandler } from "./webhook-due-handler.ts";
import { createWebhookTestHandler } from "./webhook-test-handler.ts";

export interface DeliveryPathDeps {
  readonly databases: DispatcherDatabases;
  readonly bus: Pick<Bus, "publish" | "publishAll">;
  readonly sender: HttpSender;
  readonly log: Logger;
  readonly metrics: Metrics;
  /** This replica's part of what an endpoint takes of all. */
  readonly shareOf: (limit: number) => number;
}

export interface DeliveryPathSettings {
  readonly SECRET_KEY: string;
  readonly WEBHOOK_RATE_PER_SECOND: number;
  readonly WEBHOOK_CONCURRENCY: number;
  readonly WEBHOOK_RETRY_DELAYS: readonly number[];
}

/** Wake-ups under work in this process; what an endpoint may take of it is its own setting. */
const AT_ONCE_MAX = 500;

const now = () => new Date();
const monotonicMs = () => performance.now();

/** From a wake-up to its stored and announced outcome. */
export function createDeliveryPath(deps: DeliveryPathDeps, settings: DeliveryPathSettings) {
  const { databases, bus, sender, log, metrics, shareOf } = deps;
  const { db } = databases;
  const { board, admit } = createEndpointAdmission({
    databases,
    now,
    log,
    onDisabled: () =>
      void announceDisabled(db, bus, now()).catch((err: unknown) => {
        log.warn({ err }, "endpoint.not_announced"); // the job does it in a moment
      }),
  });
  const gate = createEndpointGate({
    waitMaxMs: WAIT_MAX_MS,
    placesByDefault: settings.WEBHOOK_CONCURRENCY,
    shareOf,
    now: monotonicMs,
  });
  const turnDeps = {
    claimDb: databases.claimDb,
    defaultRatePerSecond: settings.WEBHOOK_RATE_PER_SECOND,
    now,
    roomFor: ({ endpointId, concurrency }: Pick<Endpoint, "endpointId" | "concurrency">) =>
      gate.room(endpointId, concurrency),
  };
  const recorder = createOutcomeRecorder(db, log);
  const observe = createAttemptMetrics(metrics, log);
  const readAhead = createReadAhead({ atOnceMax: AT_ONCE_MAX, now: monotonicMs });
  const countEnd = createEndCounter(metrics);
  const announce = async (outcomes: readonly DeliveryOutcome[]) => {
    await announceOutcomes(bus, outcomes);
    for (const { state } of outcomes) countEnd(state);
  };
  const conclude = createConcluder(
    { board, recorder, announce, onDeferral: () => readAhead.noteDeferral(), observe, log, now },
    settings.WEBHOOK_RETRY_DELAYS,
  );
  const secretsOf = createEndpointSecrets(createSecretBox(settings.SECRET_KEY));
  const ways = { userAgent: `valify-batch/${version}` };
  const parts = { gate, sender, secretsOf, now };
  const turnLater = createLaterTurns(turnDeps);
  const deliver = createDeliverWebhook({ ...parts, turnLater, board, conclude }, ways);
  const prepare = createPreparer({ ...turnDeps, db, admit });
  const turns = createTenantTurns(AT_ONCE_MAX);
  const handle = createWebhookDueHandler({ turns, prepare, deliver, announce });
  return {
    handle,
    wakeUpsMax: () => readAhead.wakeUpsMax(),
    /** Who has not begun goes back at once. */
    [Symbol.dispose]: () => turns[Symbol.dispose](),
    handleTest: createWebhookTestHandler({ ...parts, db, recorder, observe }, ways),
  };
}
