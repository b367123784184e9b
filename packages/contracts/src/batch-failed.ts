import { z } from "zod";

import { defineEvent } from "./define-event.ts";
import { BatchId, Instant, TenantId } from "./ids.ts";

/**
 * The batch can never be validated: its file is gone, or no attempt succeeded. Leads announced
 * before stay announced.
 *
 * Published by validator, for other teams. Redelivery is safe: `batch_id` is the key.
 */
export const batchFailed = defineEvent({
  stream: "BATCH",
  subject: "batch.failed",
  version: 1,
  fields: {
    batch_id: BatchId,
    tenant_id: TenantId,
    code: z.string().min(1),
    message: z.string(),
    failed_at: Instant,
  },
  eventId: (event) => `batch.failed:${event.batch_id}`,
});

export type BatchFailed = z.infer<typeof batchFailed.schema>;
