import { z } from "zod";

import { defineEvent } from "./define-event.ts";
import { BatchId, Instant, TenantId } from "./ids.ts";

/**
 * Every row of the batch is judged, announced and in the results file. The three counts add up to
 * `total_leads`.
 *
 * Published by validator, for other teams. Redelivery is safe: `batch_id` is the key.
 */
export const batchCompleted = defineEvent({
  stream: "BATCH",
  subject: "batch.completed",
  version: 1,
  fields: {
    batch_id: BatchId,
    tenant_id: TenantId,
    total_leads: z.int().nonnegative(),
    valid_leads: z.int().nonnegative(),
    invalid_leads: z.int().nonnegative(),
    skipped_rows: z.int().nonnegative(),
    completed_at: Instant,
  },
  eventId: (event) => `batch.completed:${event.batch_id}`,
});

export type BatchCompleted = z.infer<typeof batchCompleted.schema>;
