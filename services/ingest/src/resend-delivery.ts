import { batchIdOfUuid, WakeUpKind, type WebhookRetry } from "@valify/contracts";

import { isBatchCancelled } from "./batch-queries.ts";
import { type DeliveryAction, publishWish, recordWish } from "./delivery-action.ts";
import { findDelivery, type StoredDelivery } from "./delivery-queries.ts";
import { isTest } from "./delivery-view.ts";
import { findEndpoint } from "./endpoint-queries.ts";
import { findLeadId } from "./erasure-matches.ts";
import { type Failure, failures } from "./problem.ts";
import type { RetryWebhooksDeps } from "./retry-webhooks.ts";
import { inTenant } from "./tenant-scope.ts";

/** Only where it is asked for again does a delivered one go out twice; under the same webhook-id. */
export const resendDelivery: DeliveryAction<RetryWebhooksDeps> = async (
  { db, publishRetries },
  actor,
  deliveryId,
  now,
) => {
  const { tenantId } = actor;
  const found = await inTenant(db, tenantId, async (trx) => {
    const delivery = await findDelivery(trx, tenantId, deliveryId);
    if (delivery === undefined) return failures.deliveryNotFound;
    if (isTest(delivery) || delivery.state === "sending") return notResendable;
    // Null: the lead was erased. One that is gone altogether the dispatcher knows what to do about.
    if ((await findLeadId(trx, tenantId, delivery.leadUuid)) === null) return notResendable;
    if (await isBatchCancelled(trx, delivery.batchUuid)) return failures.batchCancelled;
    const hasEndpoint =
      delivery.state === "no_endpoint" ||
      (await findEndpoint(trx, tenantId, delivery.endpointId)) !== undefined;
    return hasEndpoint ? delivery : notResendable;
  });
  if ("code" in found) return { kind: "refused", failure: found };
  const verdict = await publishWish(found, () => publishRetries([wakeUpOf(found, now)]));
  if (verdict.kind === "accepted") {
    await inTenant(db, tenantId, (trx) => recordWish(trx, actor, "delivery.resent", deliveryId));
  }
  return verdict;
};

const notResendable: Failure = {
  status: 409,
  code: "DELIVERY_NOT_RESENDABLE",
  detail: "It is being sent right now, was a test, its lead was erased, or its endpoint deleted",
};

/**
 * Asking twice gives the same event, which goes out once. A wake-up that waits has the next round
 * already: the one after that overtakes it.
 */
function wakeUpOf(delivery: StoredDelivery, now: Date): WebhookRetry {
  const isQueued = delivery.state === "waiting" || delivery.state === "held";
  return {
    id: delivery.deliveryId,
    kind: WakeUpKind.manual,
    round: delivery.round + (isQueued ? 2 : 1),
    tenant_id: delivery.tenantId,
    batch_id: batchIdOfUuid(delivery.batchUuid),
    not_before: now.toISOString(),
  };
}
