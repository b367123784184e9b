import { batchIdOfUuid, WakeUpKind, type WebhookRetry } from "@valify/contracts";
import type { Database } from "@valify/database";
import type { Kysely } from "kysely";

import { type Actor, recordAudit } from "./audit.ts";
import { inTenant, readInTenant } from "./tenant-scope.ts";
import { type FailedDelivery, listFailedDeliveries } from "./webhook-queries.ts";

export interface RetryWebhooksDeps {
  readonly db: Kysely<Database>;
  /** Resolves when JetStream has stored every one; rejects when the broker is away. */
  readonly publishRetries: (events: readonly WebhookRetry[]) => Promise<void>;
}

export type Requeueing =
  | { readonly kind: "requeued"; readonly deliveryCount: number }
  | { readonly kind: "broker_away"; readonly error: unknown };

const PAGE_SIZE = 500;

/**
 * Publishes a wake-up for every failed delivery of the batch. Repeating it is safe, also halfway:
 * until the dispatcher has worked on a delivery its next round is the same, and so is the event.
 */
export async function retryWebhooks(
  { db, publishRetries }: RetryWebhooksDeps,
  actor: Actor,
  batchUuid: string,
  now: Date,
): Promise<Requeueing> {
  const { tenantId } = actor;
  const batch = { tenantId, batchUuid };
  let deliveryCount = 0;
  let after: FailedDelivery | undefined;
  do {
    const listing = { ...batch, after, limit: PAGE_SIZE };
    const page = await readInTenant(db, tenantId, (trx) => listFailedDeliveries(trx, listing));
    try {
      await publishRetries(page.map((delivery) => wakeUpOf(delivery, batch, now)));
    } catch (error) {
      return { kind: "broker_away", error };
    }
    deliveryCount += page.length;
    after = page.length < PAGE_SIZE ? undefined : page.at(-1);
  } while (after !== undefined);
  const object = { objectKind: "batch", objectId: batchIdOfUuid(batchUuid) };
  const details = { deliveryCount };
  await inTenant(db, tenantId, (trx) =>
    recordAudit(trx, actor, { action: "webhooks.retried", ...object, details }),
  );
  return { kind: "requeued", deliveryCount };
}

function wakeUpOf(
  { deliveryId, round }: FailedDelivery,
  { tenantId, batchUuid }: { readonly tenantId: string; readonly batchUuid: string },
  now: Date,
): WebhookRetry {
  return {
    id: deliveryId,
    kind: WakeUpKind.manual,
    round: round + 1,
    tenant_id: tenantId,
    batch_id: batchIdOfUuid(batchUuid),
    not_before: now.toISOString(),
  };
}
