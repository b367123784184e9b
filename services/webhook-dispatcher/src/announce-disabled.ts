import { endpointDisabled } from "@valify/contracts";
import type { Database } from "@valify/database";
import type { Bus } from "@valify/runtime";
import type { Kysely } from "kysely";

import { lockUnannounced, markAnnounced } from "./disabled-queries.ts";

const EVENTS_MAX = 100;

/**
 * Publishes `endpoint.disabled` for every endpoint whose row says so and no announcement yet, then
 * marks them: a crash in between publishes again, under the same message id. Returns how many.
 */
export async function announceDisabled(
  db: Kysely<Database>,
  bus: Pick<Bus, "publishAll">,
  now: Date,
): Promise<number> {
  return db.transaction().execute(async (trx) => {
    const disabled = await lockUnannounced(trx, EVENTS_MAX);
    if (disabled.length === 0) return 0;
    const events = disabled.map((row) => ({
      endpoint_id: row.endpointId,
      tenant_id: row.tenantId,
      reason: row.reason,
      disabled_at: row.disabledAt.toISOString(),
    }));
    await bus.publishAll(endpointDisabled, events);
    await markAnnounced(
      trx,
      disabled.map(({ endpointId }) => endpointId),
      now,
    );
    return disabled.length;
  });
}
