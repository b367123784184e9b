import type { WebhookCancel } from "@valify/contracts";

import { type DeliveryAction, publishWish, recordWish } from "./delivery-action.ts";
import { findDelivery } from "./delivery-queries.ts";
import { type Failure, failures } from "./problem.ts";
import { inTenant } from "./tenant-scope.ts";

export interface CancelDeliveryDeps {
  /** Resolves when JetStream has stored it; rejects when the broker is away. */
  readonly publishCancel: (event: WebhookCancel) => Promise<void>;
}

const CANCELLABLE: ReadonlySet<string> = new Set(["waiting", "held", "sending"]);

/**
 * Asks the dispatcher, which owns the delivery, to send it no more. Written down first: who asked is
 * on record even if the broker is away and they have to ask again.
 */
export const cancelDelivery: DeliveryAction<CancelDeliveryDeps> = async (
  { db, publishCancel },
  actor,
  deliveryId,
  now,
) => {
  const { tenantId } = actor;
  const found = await inTenant(db, tenantId, async (trx) => {
    const delivery = await findDelivery(trx, tenantId, deliveryId);
    if (delivery === undefined) return failures.deliveryNotFound;
    if (!CANCELLABLE.has(delivery.state)) return notCancellable;
    await recordWish(trx, actor, "delivery.cancelled", deliveryId);
    return delivery;
  });
  if ("code" in found) return { kind: "refused", failure: found };
  const event = { delivery_id: deliveryId, tenant_id: tenantId, requested_at: now.toISOString() };
  return publishWish(found, () => publishCancel(event));
};

const notCancellable: Failure = {
  status: 409,
  code: "DELIVERY_NOT_CANCELLABLE",
  detail: "It has ended already: delivered, out of retries, cancelled or without an endpoint",
};
