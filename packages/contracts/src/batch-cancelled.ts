import type { z } from "zod";

import { defineEvent } from "./define-event.ts";
import { BatchId, Instant, TenantId } from "./ids.ts";

/**
 * Somebody cancelled the batch: validation stops, webhooks not yet sent are dropped.
 *
 * Published by ingest, consumed by validator, scheduler and webhook-dispatcher. A batch is
 * cancelled once and for all, so `batch_id` is the key.
 */
export const batchCancelled = defineEvent({
  stream: "BATCH",
  subject: "batch.cancelled",
  version: 1,
  fields: { batch_id: BatchId, tenant_id: TenantId, cancelled_at: Instant },
  eventId: (event) => `batch.cancelled:${event.batch_id}`,
});

export type BatchCancelled = z.infer<typeof batchCancelled.schema>;
