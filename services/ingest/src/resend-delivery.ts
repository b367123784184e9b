import { batchIdOfUuid, WakeUpKind, type WebhookRetry } from "@valify/contracts";

import { type Actor, recordAudit } from "./audit.ts";
import { isBatchCancelled } from "./batch-queries.ts";
import { findDelivery, type StoredDelivery } from "./delivery-queries.ts";
import { isTest } from "./delivery-view.ts";
import { findEndpoint } from "./endpoint-queries.ts";
import { type Failure, failures } from "./problem.ts";
import type { RetryWebhooksDeps } from "./retry-webhooks.ts";
import { inTenant } from "./tenant-scope.ts";

export type Resending =
  | { readonly kind: "queued" }
  | { readonly kind: "refused"; readonly failure: Failure }
  | { readonly kind: "broker_away"; readonly error: unknown };

/** Only where it is asked for again does a delivered one go out twice; under the same webhook-id. */
export async function resendDelivery(
  { db, publishRetries }: RetryWebhooksDeps,
  actor: Actor,
  deliveryId: string,
  now: Date,
): Promise<Resending> {
  const { tenantId } = actor;
  const found = await inTenant(db, tenantId, async (trx) => {
    const delivery = await findDelivery(trx, tenantId, deliveryId);
    if (delivery === undefined) return failures.deliveryNotFound;
    if (isTest(delivery) || delivery.state === "sending") return notResendable;
    if (await isBatchCancelled(trx, delivery.batchUuid)) return failures.batchCancelled;
    const hasEndpoint =
      delivery.state === "no_endpoint" ||
      (await findEndpoint(trx, tenantId, delivery.endpointId)) !== undefined;
    return hasEndpoint ? delivery : notResendable;
  });
  if ("code" in found) return { kind: "refused", failure: found };
  try {
    await publishRetries([wakeUpOf(found, now)]);
  } catch (error) {
    return { kind: "broker_away", error };
  }
  const object = { objectKind: "delivery", objectId: deliveryId };
  await inTenant(db, tenantId, (trx) =>
    recordAudit(trx, actor, { action: "delivery.resent", ...object }),
  );
  return { kind: "queued" };
}

const notResendable: Failure = {
  status: 409,
  code: "DELIVERY_NOT_RESENDABLE",
  detail: "It is being sent right now, was a test, or its endpoint was deleted",
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
