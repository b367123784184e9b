import type { WebhookCancel } from "@valify/contracts";
import type { Database } from "@valify/database";
import type { Kysely } from "kysely";

import { type Actor, recordAudit } from "./audit.ts";
import { findDelivery } from "./delivery-queries.ts";
import { type Failure, failures } from "./problem.ts";
import type { Resending } from "./resend-delivery.ts";
import { inTenant } from "./tenant-scope.ts";

export interface CancelDeliveryDeps {
  readonly db: Kysely<Database>;
  /** Resolves when JetStream has stored it; rejects when the broker is away. */
  readonly publishCancel: (event: WebhookCancel) => Promise<void>;
}

const CANCELLABLE: ReadonlySet<string> = new Set(["waiting", "held", "sending"]);

/**
 * Asks the dispatcher, which owns the delivery, to send it no more. Written down first: who asked is
 * on record even if the broker is away and they have to ask again.
 */
export async function cancelDelivery(
  { db, publishCancel }: CancelDeliveryDeps,
  actor: Actor,
  deliveryId: string,
  now: Date,
): Promise<Resending> {
  const { tenantId } = actor;
  const failure = await inTenant(db, tenantId, async (trx) => {
    const delivery = await findDelivery(trx, tenantId, deliveryId);
    if (delivery === undefined) return failures.deliveryNotFound;
    if (!CANCELLABLE.has(delivery.state)) return notCancellable;
    const object = { objectKind: "delivery", objectId: deliveryId };
    await recordAudit(trx, actor, { action: "delivery.cancelled", ...object });
    return undefined;
  });
  if (failure !== undefined) return { kind: "refused", failure };
  try {
    const ids = { delivery_id: deliveryId, tenant_id: tenantId };
    await publishCancel({ ...ids, requested_at: now.toISOString() });
  } catch (error) {
    return { kind: "broker_away", error };
  }
  return { kind: "queued" };
}

const notCancellable: Failure = {
  status: 409,
  code: "DELIVERY_NOT_CANCELLABLE",
  detail: "It has ended already: delivered, out of retries, cancelled or without an endpoint",
};
