import { setTimeout as pause } from "node:timers/promises";

import { PermanentError } from "@valify/runtime";

import { holdNow } from "./admit-pull.ts";
import { buildRequest, contentOf, sameBody, type WebhookContent } from "./build-request.ts";
import type { Ending } from "./conclude-deliveries.ts";
import { CANCELLED, type Decision, deferral, ERASED, held, HELD_BY_US } from "./decisions.ts";
import type { EndpointGate } from "./endpoint-gate.ts";
import type { HealthBoard } from "./endpoint-health-board.ts";
import type { EndpointSecrets } from "./endpoint-secrets.ts";
import type { HttpSender } from "./http-sender.ts";
import type { Endpoint } from "./lead-queries.ts";
import type { ClaimedDelivery } from "./prepare-deliveries.ts";
import { WAIT_MAX_MS } from "./reserve-turns.ts";

export interface DeliverWebhookDeps {
  readonly gate: EndpointGate;
  /** Milliseconds until the turn of a delivery that found no place in time. */
  readonly turnLater: (endpoint: Endpoint) => Promise<number>;
  readonly board: Pick<HealthBoard, "admit">;
  readonly sender: HttpSender;
  readonly secretsOf: (endpoint: Endpoint) => EndpointSecrets;
  /** Resolves when it is recorded and announced. */
  readonly conclude: (ending: Ending) => Promise<void>;
  readonly now: () => Date;
}

export interface DeliverySettings {
  readonly userAgent: string;
}

/**
 * Sends one claimed delivery, or decides not to, and concludes it. One async function and no more
 * promises than waits: at thousands a second each further one is felt.
 */
export function createDeliverWebhook(deps: DeliverWebhookDeps, settings: DeliverySettings) {
  const { board, conclude, gate, sender, now } = deps;

  return async function deliverWebhook(delivery: ClaimedDelivery): Promise<void> {
    const { endpoint, lead, turn } = delivery;
    const decision = decisionFor(delivery);
    if (endpoint === null || decision !== null) {
      return conclude({ delivery, decision: decision ?? CANCELLED });
    }
    if (turn.waitMs > 0) await pause(turn.waitMs);
    // Before it waits for its place: what a whole pull does, one after the other, is quickly done.
    const content = contentOf(lead);
    const pass = await gate.enter(endpoint.endpointId, endpoint.concurrency);
    if (pass === null) {
      const delayMs = await deps.turnLater(endpoint);
      return conclude({ delivery, decision: deferral("full", now(), delayMs) });
    }
    let ending: Ending;
    let failure: unknown;
    try {
      // It may have been closed while this delivery waited for its place.
      const hold = delivery.isProbe ? null : holdNow(board, endpoint, now());
      if (hold === null) {
        const request = requestFor(delivery, endpoint, content);
        ending = { delivery, endpoint, sent: { request, result: await sender.send(request) } };
      } else ending = { delivery, decision: held(hold) };
    } catch (error) {
      // It cannot be built, or must not be sent: our fault, so it is held, and a dead letter.
      ending = { delivery, decision: HELD_BY_US };
      failure = error;
    } finally {
      pass.leave();
    }
    await conclude(ending);
    if (failure !== undefined) throw failure;
  };

  function decisionFor({ endpoint, lead, hold, turn }: ClaimedDelivery): Decision | null {
    if (lead.erased) return ERASED;
    if (endpoint === null || lead.cancelled) return CANCELLED;
    if (hold !== null) return held(hold);
    if (turn.reason !== "full" && turn.waitMs <= WAIT_MAX_MS) return null;
    return deferral(turn.reason, now(), turn.waitMs);
  }

  function requestFor(delivery: ClaimedDelivery, endpoint: Endpoint, content: WebhookContent) {
    const { deliveryId, bodySha256 } = delivery;
    const { userAgent } = settings;
    try {
      const secrets = deps.secretsOf(endpoint);
      const parts = { deliveryId, content, url: endpoint.url, secrets, userAgent, now: now() };
      return buildRequest({ ...parts, content: sameBody(content, bodySha256) });
    } catch (error) {
      if (error instanceof PermanentError) throw error;
      const options = { code: "REQUEST_NOT_BUILT", cause: error } as const;
      throw new PermanentError("a webhook could not be built", options);
    }
  }
}
