import {
  batchIdOfUuid,
  wakeUpKindOf,
  type WebhookDelivered,
  webhookDelivered,
  type WebhookExhausted,
  webhookExhausted,
  type WebhookRetry,
  webhookRetry,
} from "@valify/contracts";
import { type Bus, instantText } from "@valify/runtime";

import type { StoredDelivery } from "./delivery-queries.ts";

/** What is known of a delivery once a wake-up is over; the same from memory and from its row. */
export type DeliveryOutcome = Omit<StoredDelivery, "leaseRestMs" | "deliveredAt">;

/**
 * Tells the world what wake-ups came to: the next one to the scheduler, or the end to whoever
 * listens. Resolves when all of it is stored. Telling it again is harmless: the ids are made of
 * delivery and round. One that was cancelled or erased has nothing to tell.
 */
export async function announceOutcomes(
  bus: Pick<Bus, "publishAll">,
  outcomes: readonly DeliveryOutcome[],
): Promise<void> {
  const delivered = outcomes.filter(({ state }) => state === "delivered").map(deliveredOf);
  const exhausted = outcomes.filter(({ state }) => state === "exhausted").map(exhaustedOf);
  const retries = outcomes.flatMap(retryOf);
  await Promise.all([
    delivered.length > 0 && bus.publishAll(webhookDelivered, delivered),
    exhausted.length > 0 && bus.publishAll(webhookExhausted, exhausted),
    retries.length > 0 && bus.publishAll(webhookRetry, retries),
  ]);
}

function deliveredOf(outcome: DeliveryOutcome): WebhookDelivered {
  return {
    ...endOf(outcome),
    status_code: outcome.lastStatusCode ?? 0,
    delivered_at: endedAt(outcome),
  };
}

function exhaustedOf(outcome: DeliveryOutcome): WebhookExhausted {
  return {
    ...endOf(outcome),
    error_class: outcome.lastErrorClass ?? "unknown",
    exhausted_at: endedAt(outcome),
  };
}

function endOf({ deliveryId, leadUuid, endpointId, tenantId, ...rest }: DeliveryOutcome) {
  return {
    delivery_id: deliveryId,
    lead_uuid: leadUuid,
    endpoint_id: endpointId,
    tenant_id: tenantId,
    batch_id: batchIdOfUuid(rest.batchId),
    round: rest.round,
    attempts: rest.attempts,
  };
}

const endedAt = ({ lastAttemptAt }: DeliveryOutcome) => instantText(lastAttemptAt ?? new Date(0));

/** Nobody knows when a paused or disabled endpoint is back; whoever activates it wakes those. */
function retryOf(outcome: DeliveryOutcome): readonly WebhookRetry[] {
  const { state, nextAttemptAt } = outcome;
  if ((state !== "waiting" && state !== "held") || nextAttemptAt === null) return [];
  return [
    {
      id: outcome.deliveryId,
      tenant_id: outcome.tenantId,
      batch_id: batchIdOfUuid(outcome.batchId),
      kind: wakeUpKindOf(outcome.wakeKind),
      round: outcome.round + 1,
      not_before: nextAttemptAt.toISOString(),
    },
  ];
}
