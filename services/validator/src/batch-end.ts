import { batchCompleted, batchFailed } from "@valify/contracts";
import type { Bus } from "@valify/runtime";

import type { Batch } from "./domain/batch.ts";
import type { RunEnd } from "./run-queries.ts";

/**
 * Tells other teams how a run ended. Safe to repeat: the event is made of the stored run alone. Of
 * a cancelled batch ingest has told already.
 */
export async function publishEnd(
  bus: Pick<Bus, "publish">,
  { batchId, tenantId }: Pick<Batch, "batchId" | "tenantId">,
  end: RunEnd,
): Promise<void> {
  switch (end.status) {
    case "completed":
      await bus.publish(batchCompleted, {
        batch_id: batchId,
        tenant_id: tenantId,
        total_leads: end.totalLeads,
        valid_leads: end.counts.valid,
        invalid_leads: end.counts.invalid,
        skipped_rows: end.counts.skipped,
        completed_at: end.endedAt.toISOString(),
      });
      return;
    case "failed":
      await bus.publish(batchFailed, {
        batch_id: batchId,
        tenant_id: tenantId,
        ...end.failure,
        failed_at: end.endedAt.toISOString(),
      });
      return;
    case "cancelled":
      return;
  }
}
