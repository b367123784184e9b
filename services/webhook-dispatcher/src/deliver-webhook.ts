import { setTimeout as pause } from "node:timers/promises";

import { WakeUpKind } from "@valify/contracts";

import type { DeliveryOutcome } from "./announce-outcome.ts";
import { buildRequest } from "./build-request.ts";
import { decideAfterAttempt } from "./domain/decide-after-attempt.ts";
import type { EndpointGate } from "./endpoint-gate.ts";
import type { EndpointSecrets } from "./endpoint-secrets.ts";
import type { HttpSender, SendResult } from "./http-sender.ts";
import type { Endpoint } from "./lead-queries.ts";
import type { ClaimedDelivery } from "./prepare-deliveries.ts";
import type { DeliveryRecord } from "./record-queries.ts";

export interface DeliverWebhookDeps {
  readonly gate: EndpointGate;
  readonly sender: HttpSender;
  readonly secretsOf: (endpoint: Endpoint) => EndpointSecrets;
  /** Resolves when the outcome is committed. */
  readonly record: (record: DeliveryRecord) => Promise<unknown>;
  readonly observe: (delivery: ClaimedDelivery, result: SendResult) => void;
}

export interface DeliverySettings {
  readonly userAgent: string;
  /** Per endpoint and process, unless the endpoint has its own. */
  readonly concurrency: number;
  readonly retryDelaysMs: readonly number[];
}

/** A wait up to this is spent here; a longer one goes back to the scheduler. */
const WAIT_MAX_MS = 2_000;
/** A full or a paused endpoint: look again after this, spread by as much again. */
const FULL_DELAY_MS = 5_000;
const PAUSED_DELAY_MS = 60_000;

/** `wakeKind`: the kind of the next wake-up; null where there is none. */
interface Decision extends Pick<DeliveryRecord, "state" | "nextAttemptAt"> {
  readonly wakeKind: number | null;
}

/** Sends one claimed delivery, or decides not to, and records what it came to. */
export function createDeliverWebhook(deps: DeliverWebhookDeps, settings: DeliverySettings) {
  return async function deliverWebhook(delivery: ClaimedDelivery): Promise<DeliveryOutcome> {
    const { endpoint, lead, slotWaitMs } = delivery;
    const skip = (decision: Decision) => finish(delivery, decision, null);
    if (endpoint === null || lead.cancelled) return skip(CANCELLED);
    if (endpoint.status !== "active") return skip(deferral(spread(PAUSED_DELAY_MS)));
    if (slotWaitMs > WAIT_MAX_MS) return skip(deferral(slotWaitMs));
    if (slotWaitMs > 0) await pause(slotWaitMs);

    const concurrency = endpoint.concurrency ?? settings.concurrency;
    const entered = await deps.gate.enter(endpoint.endpointId, concurrency, WAIT_MAX_MS);
    if (!entered) return skip(deferral(spread(FULL_DELAY_MS)));
    const result = await send(delivery, endpoint).finally(() =>
      deps.gate.leave(endpoint.endpointId),
    );
    deps.observe(delivery, result);
    return finish(delivery, afterAttempt(delivery, endpoint, result), result);
  };

  async function send({ deliveryId, lead }: ClaimedDelivery, endpoint: Endpoint) {
    const { userAgent } = settings;
    const { url } = endpoint;
    const secrets = deps.secretsOf(endpoint);
    const now = new Date();
    return deps.sender.send(buildRequest({ deliveryId, lead, url, secrets, userAgent, now }));
  }

  function afterAttempt(delivery: ClaimedDelivery, endpoint: Endpoint, result: SendResult) {
    const endedAt = new Date(result.startedAt.getTime() + result.durationMs);
    const attempt = delivery.cycleAttempts + 1;
    const delaysMs = endpoint.retryDelaysMs ?? settings.retryDelaysMs;
    const next = decideAfterAttempt(result.outcome, endedAt, attempt, delaysMs, Math.random());
    return { ...next, wakeKind: next.state === "waiting" ? WakeUpKind.retry : null };
  }

  /** Records, and returns what there is to announce. `result` is null where no request was made. */
  async function finish(delivery: ClaimedDelivery, decision: Decision, result: SendResult | null) {
    const { deliveryId, leadUuid, endpointId, tenantId, batchId, round, kind, dueAt } = delivery;
    const spent = result === null ? 0 : 1;
    const outcome = {
      deliveryId,
      leadUuid,
      endpointId,
      tenantId,
      batchId,
      round,
      state: decision.state,
      wakeKind: decision.wakeKind ?? kind,
      nextAttemptAt: decision.nextAttemptAt,
      attempts: delivery.attempts + spent,
      lastAttemptAt: result?.startedAt ?? null,
      lastStatusCode: result?.statusCode ?? null,
      lastErrorClass: result?.outcome ?? null,
    };
    const attempt = result === null ? null : { ...result, kind, dueAt };
    const cycleAttempts = delivery.cycleAttempts + spent;
    await deps.record({ ...outcome, cycleAttempts, attempt });
    return outcome;
  }
}

const CANCELLED: Decision = { state: "cancelled", wakeKind: null, nextAttemptAt: null };

/** No attempt is spent: the endpoint is full, paused or over its rate. */
function deferral(delayMs: number): Decision {
  const nextAttemptAt = new Date(Date.now() + delayMs);
  return { state: "waiting", wakeKind: WakeUpKind.deferral, nextAttemptAt };
}

/** So that what is deferred together does not come back together. */
function spread(delayMs: number): number {
  return delayMs * (1 + Math.random());
}
