import type { Database } from "@valify/database";
import type { Kysely, Transaction } from "kysely";

import { type Actor, recordAudit } from "./audit.ts";
import type { StoredDelivery } from "./delivery-queries.ts";
import type { Failure } from "./problem.ts";

/** What became of a person's wish about one delivery. */
export type DeliveryActionVerdict =
  /** It is stored: the dispatcher, which owns the delivery, acts on it in a moment. */
  | { readonly kind: "accepted"; readonly batchUuid: string }
  | { readonly kind: "refused"; readonly failure: Failure }
  | { readonly kind: "broker_away"; readonly error: unknown };

export type DeliveryAction<Deps> = (
  deps: Deps & { readonly db: Kysely<Database> },
  actor: Actor,
  deliveryId: string,
  now: Date,
) => Promise<DeliveryActionVerdict>;

/** Tells the dispatcher. */
export async function publishWish(
  { batchUuid }: Pick<StoredDelivery, "batchUuid">,
  publish: () => Promise<void>,
): Promise<DeliveryActionVerdict> {
  try {
    await publish();
    return { kind: "accepted", batchUuid };
  } catch (error) {
    return { kind: "broker_away", error };
  }
}

export function recordWish(
  trx: Transaction<Database>,
  actor: Actor,
  action: "delivery.resent" | "delivery.cancelled",
  deliveryId: string,
): Promise<void> {
  return recordAudit(trx, actor, { action, objectKind: "delivery", objectId: deliveryId });
}
