import { setTimeout as pause } from "node:timers/promises";

import { PermanentError } from "@valify/runtime";

import { type Hold, holdNow } from "./admit-pull.ts";
import type { DeliveryOutcome } from "./announce-outcome.ts";
import { buildRequest, sameBody } from "./build-request.ts";
import { CANCELLED, type Decision, deferral, held, HELD_BY_US, spread } from "./decisions.ts";
import { HEALTHY } from "./domain/endpoint-health.ts";
import type { EndpointGate } from "./endpoint-gate.ts";
import type { HealthBoard } from "./endpoint-health-board.ts";
import type { EndpointSecrets } from "./endpoint-secrets.ts";
import type { HttpSender, SendResult } from "./http-sender.ts";
import { judgeExchange } from "./judge-exchange.ts";
import type { Endpoint } from "./lead-queries.ts";
import { type Exchange, recordOf } from "./outcome-of.ts";
import type { ClaimedDelivery } from "./prepare-deliveries.ts";
import type { DeliveryRecord } from "./record-queries.ts";
import { WAIT_MAX_MS } from "./reserve-turns.ts";

export interface DeliverWebhookDeps {
  readonly gate: EndpointGate;
  /** Milliseconds until the turn of a delivery that found no place in time. */
  readonly turnLater: (endpoint: Endpoint) => Promise<number>;
  readonly board: HealthBoard;
  readonly sender: HttpSender;
  readonly secretsOf: (endpoint: Endpoint) => EndpointSecrets;
  /** Resolves when the outcome is committed. */
  readonly record: (record: DeliveryRecord) => Promise<unknown>;
  readonly observe: (delivery: ClaimedDelivery, result: SendResult) => void;
  readonly now: () => Date;
}

export interface DeliverySettings {
  readonly userAgent: string;
  /** Per endpoint and process, unless the endpoint has its own. */
  readonly concurrency: number;
  readonly retryDelaysMs: readonly number[];
}

/** A fault of ours: look again after this, spread by as much again. */
const INTERNAL_DELAY_MS = 20_000;

/** Sends one claimed delivery, or decides not to, and records what it came to. */
export function createDeliverWebhook(deps: DeliverWebhookDeps, settings: DeliverySettings) {
  const { board, now } = deps;

  return async function deliverWebhook(delivery: ClaimedDelivery): Promise<DeliveryOutcome> {
    const { endpoint, lead, turn, hold } = delivery;
    const skip = (decision: Decision) => finish(delivery, decision, null);
    if (endpoint === null || lead.cancelled) return skip(CANCELLED);
    if (hold !== null) return skip(held(hold));
    if (turn.reason === "full" || turn.waitMs > WAIT_MAX_MS) {
      return skip(deferral(turn.reason, now(), turn.waitMs));
    }
    if (turn.waitMs > 0) await pause(turn.waitMs);

    const concurrency = endpoint.concurrency ?? settings.concurrency;
    const pass = await deps.gate.enter(endpoint.endpointId, concurrency);
    if (pass === null) return skip(deferral("full", now(), await deps.turnLater(endpoint)));
    const sent = await send(delivery, endpoint).finally(() => pass.leave());
    if (sent === null) return skip(held(holdNow(board, endpoint, now()) ?? SOON));
    deps.observe(delivery, sent.result);
    if (sent.result.outcome === "internal") {
      return skip(deferral("internal", now(), spread(INTERNAL_DELAY_MS)));
    }
    return conclude(delivery, endpoint, sent);
  };

  /** Null: the endpoint was closed while this delivery waited for its turn. */
  async function send(delivery: ClaimedDelivery, endpoint: Endpoint): Promise<Exchange | null> {
    if (!delivery.isProbe && holdNow(board, endpoint, now()) !== null) return null;
    const request = await requestFor(delivery, endpoint);
    return { request, result: await deps.sender.send(request) };
  }

  /** A request that cannot be built, or must not be sent, is our fault: held, and a dead letter. */
  async function requestFor(delivery: ClaimedDelivery, endpoint: Endpoint) {
    const { deliveryId, lead, bodySha256 } = delivery;
    const { userAgent } = settings;
    try {
      const parts = { deliveryId, lead, url: endpoint.url, secrets: deps.secretsOf(endpoint) };
      return sameBody(buildRequest({ ...parts, userAgent, now: now() }), bodySha256);
    } catch (error) {
      await finish(delivery, HELD_BY_US, null);
      if (error instanceof PermanentError) throw error;
      const options = { code: "REQUEST_NOT_BUILT", cause: error } as const;
      throw new PermanentError("a webhook could not be built", options);
    }
  }

  async function conclude(delivery: ClaimedDelivery, endpoint: Endpoint, sent: Exchange) {
    const delaysMs = endpoint.retryDelaysMs ?? settings.retryDelaysMs;
    const health = board.health(endpoint) ?? HEALTHY;
    const { decision, signal } = judgeExchange(delivery, sent.result, health, delaysMs);
    const outcome = await finish(delivery, decision, sent);
    if (signal !== null) await board.note(endpoint, signal);
    return outcome;
  }

  /** Records, and returns what there is to announce. `sent` is null where no request was made. */
  async function finish(delivery: ClaimedDelivery, decision: Decision, sent: Exchange | null) {
    const { outcome, record } = recordOf(delivery, decision, sent);
    await deps.record(record);
    return outcome;
  }
}

/** It was closed a moment ago, and is open again. */
const SOON: Hold = { reason: "open", notBefore: new Date(0) };
