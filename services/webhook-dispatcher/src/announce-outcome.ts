import {
  batchIdOfUuid,
  wakeUpKindOf,
  webhookDelivered,
  webhookExhausted,
  webhookRetry,
} from "@valify/contracts";
import type { Bus } from "@valify/runtime";

import type { StoredDelivery } from "./delivery-queries.ts";

/** What is known of a delivery once a wake-up is over; the same from memory and from its row. */
export type DeliveryOutcome = Omit<StoredDelivery, "leaseRestMs" | "deliveredAt">;

/**
 * Tells the world what a wake-up came to: the next one to the scheduler, or the end to whoever
 * listens. Resolves when it is stored. Telling it again is harmless: the ids are made of delivery
 * and round. A cancelled delivery has nothing to tell.
 */
export async function announceOutcome(
  bus: Pick<Bus, "publish">,
  outcome: DeliveryOutcome,
): Promise<void> {
  const { deliveryId, leadUuid, endpointId, tenantId, round, attempts } = outcome;
  const batchId = batchIdOfUuid(outcome.batchId);
  const ids = { tenant_id: tenantId, batch_id: batchId };
  const delivery = { delivery_id: deliveryId, lead_uuid: leadUuid, endpoint_id: endpointId };
  const endedAt = (outcome.lastAttemptAt ?? new Date(0)).toISOString();
  switch (outcome.state) {
    case "held":
    case "waiting":
      // Nobody knows when a paused or disabled endpoint is back; whoever activates it wakes these.
      if (outcome.nextAttemptAt === null) return;
      await bus.publish(webhookRetry, {
        ...ids,
        id: deliveryId,
        kind: wakeUpKindOf(outcome.wakeKind),
        round: round + 1,
        not_before: outcome.nextAttemptAt.toISOString(),
      });
      return;
    case "delivered":
      await bus.publish(webhookDelivered, {
        ...delivery,
        ...ids,
        round,
        attempts,
        status_code: outcome.lastStatusCode ?? 0,
        delivered_at: endedAt,
      });
      return;
    case "exhausted":
      await bus.publish(webhookExhausted, {
        ...delivery,
        ...ids,
        round,
        attempts,
        error_class: outcome.lastErrorClass ?? "unknown",
        exhausted_at: endedAt,
      });
      return;
    case "sending":
    case "cancelled":
    case "no_endpoint":
  }
}
