import { type LeadValidated, uuidOfBatchId, WakeUpKind } from "@valify/contracts";

import { laneOf } from "./domain/lane.ts";
import type { NewDueRow } from "./due-queries.ts";

/** Stores the first wake-up of a lead. Redelivery is safe: the row is a pure function of the event. */
export function createLeadValidatedHandler(store: (row: NewDueRow) => Promise<unknown>) {
  return async function handleLeadValidated(event: LeadValidated): Promise<void> {
    const { lead_uuid: id, tenant_id: tenantId, webhook_scheduled_for: dueAt } = event;
    const batchId = uuidOfBatchId(event.batch_id);
    const lane = laneOf(tenantId, id);
    await store({ id, tenantId, batchId, dueAt, lane, round: 0, kind: WakeUpKind.first });
  };
}
