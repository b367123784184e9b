import { batchIdOfUuid, WakeUpKind, webhookRetry } from "@valify/contracts";
import type { Database } from "@valify/database";
import type { Bus } from "@valify/runtime";
import type { Kysely } from "kysely";

import { findReactivated, listHeld } from "./held-queries.ts";

const PAGE_SIZE = 500;
/** Of each endpoint at a time: its rate spreads them, and nobody else waits behind them. */
const PER_ENDPOINT_MAX = 5_000;

/**
 * Wakes what is held for an endpoint that is active again. Whoever activates it recovers these
 * deliveries at once; this finds those that were being held at that very moment, and says the same
 * words, so that doing both, or doing it twice, wakes each once. Returns how many.
 */
export async function releaseHeld(
  db: Kysely<Database>,
  bus: Pick<Bus, "publishAll">,
  now: Date,
  signal?: AbortSignal,
): Promise<number> {
  let released = 0;
  for (const endpointId of await findReactivated(db)) {
    let after = "00000000-0000-0000-0000-000000000000";
    for (let ofEndpoint = 0; ofEndpoint < PER_ENDPOINT_MAX; ofEndpoint += PAGE_SIZE) {
      signal?.throwIfAborted();
      const page = await listHeld(db, { endpointId, after, limit: PAGE_SIZE });
      await bus.publishAll(
        webhookRetry,
        page.map((delivery) => ({
          id: delivery.deliveryId,
          kind: WakeUpKind.recover,
          round: delivery.round + 1,
          tenant_id: delivery.tenantId,
          batch_id: batchIdOfUuid(delivery.batchId),
          not_before: now.toISOString(),
        })),
      );
      released += page.length;
      after = page.at(-1)?.deliveryId ?? after;
      if (page.length < PAGE_SIZE) break;
    }
  }
  return released;
}
