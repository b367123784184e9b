import type { WebhookTest } from "@valify/contracts";
import type { Database } from "@valify/database";
import type { Later } from "@valify/runtime";
import type { Kysely } from "kysely";

import { buildRequest, contentOf } from "./build-request.ts";
import type { ConcludeDeps } from "./conclude-deliveries.ts";
import type { Decision } from "./decisions.ts";
import type { DeliverWebhookDeps, DeliverySettings } from "./deliver-webhook.ts";
import { claimDeliveries, findDeliveries } from "./delivery-queries.ts";
import { testLead } from "./domain/test-lead.ts";
import { type Endpoint, loadEndpoints } from "./lead-queries.ts";
import { recordOf } from "./outcome-of.ts";
import type { ClaimedDelivery } from "./prepare-deliveries.ts";

export interface WebhookTestDeps
  extends
    Pick<DeliverWebhookDeps, "gate" | "sender" | "secretsOf" | "now">,
    Pick<ConcludeDeps, "recorder" | "observe"> {
  readonly db: Kysely<Database>;
}

/** Of a delivery that belongs to no lead. */
const TEST_KIND = 5;
/** Somebody waits in front of a screen: a full endpoint is looked at again soon. */
const FULL_DELAY_MS = 1_000;

/**
 * Through the same gate, signature, guard, sender and record as every webhook, at once and once: no
 * rate slot, no retry, no word on the endpoint's health, so that one that is paused or disabled can
 * be tried before it is made active.
 */
export function createWebhookTestHandler(deps: WebhookTestDeps, { userAgent }: DeliverySettings) {
  const { db, gate, sender, secretsOf, recorder, observe, now } = deps;

  return async function handleWebhookTest(event: WebhookTest): Promise<Later | undefined> {
    const { delivery_id: deliveryId, endpoint_id: endpointId, tenant_id: tenantId } = event;
    const endpoint = (await loadEndpoints(db, [tenantId])).find(
      (candidate) => candidate.endpointId === endpointId,
    );
    if (endpoint === undefined) return undefined; // deleted since: there is nothing to try
    const pass = await gate.enter(endpointId, endpoint.concurrency);
    if (pass === null) return later(FULL_DELAY_MS);
    try {
      const request = requestOf(event);
      const grant = (await claimDeliveries(db, [request])).get(deliveryId);
      if (grant === undefined) return await explain(deliveryId);
      const { attempts, cycleAttempts } = grant;
      await send({ ...request, attempts, cycleAttempts }, endpoint);
      return undefined;
    } finally {
      pass.leave();
    }
  };

  async function send(
    claim: ReturnType<typeof requestOf> & Pick<ClaimedDelivery, "attempts" | "cycleAttempts">,
    endpoint: Endpoint,
  ): Promise<void> {
    const { deliveryId, tenantId, dueSince } = claim;
    const lead = { ...testLead(deliveryId, tenantId, dueSince), cancelled: false };
    const { url } = endpoint;
    const content = contentOf(lead);
    const parts = { deliveryId, content, url, secrets: secretsOf(endpoint), userAgent };
    const request = buildRequest({ ...parts, now: now() });
    const result = await sender.send(request);
    const delivery = { ...claim, ...PLAIN, lead, endpoint };
    observe(delivery, result);
    const decision = result.outcome === "delivered" ? DELIVERED : FAILED;
    const record = recordOf(delivery, decision, { request, result });
    await recorder.record([record]).catch(() => recorder.insist([record]));
  }

  /** The message came again: sent already, or being sent by somebody whose lease still runs. */
  async function explain(deliveryId: string): Promise<Later | undefined> {
    const stored = (await findDeliveries(db, [deliveryId])).get(deliveryId);
    return stored?.state === "sending"
      ? later(Math.max(FULL_DELAY_MS, stored.leaseRestMs))
      : undefined;
  }
}

const NOW = { waitMs: 0, reason: "rate" } as const;
const PLAIN = { bodySha256: null, hold: null, isProbe: false, turn: NOW };
const ENDED = { waitReason: null, wakeKind: null, nextAttemptAt: null, isSpent: true } as const;
const DELIVERED: Decision = { ...ENDED, state: "delivered" };
const FAILED: Decision = { ...ENDED, state: "exhausted" };

function requestOf(event: WebhookTest) {
  return {
    deliveryId: event.delivery_id,
    leadUuid: event.delivery_id,
    endpointId: event.endpoint_id,
    tenantId: event.tenant_id,
    // No batch has a tenant's id: lists find a tenant's tests by it.
    batchId: event.tenant_id,
    round: 0,
    kind: TEST_KIND,
    dueAt: event.requested_at,
    dueSince: event.requested_at,
  };
}

function later(delayMs: number): Later {
  return { kind: "later", delayMs };
}
