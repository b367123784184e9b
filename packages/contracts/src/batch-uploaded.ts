import { z } from "zod";

import { defineEvent } from "./define-event.ts";
import { BatchId, Instant, TenantId } from "./ids.ts";
import { RuleProfile } from "./rule-profile.ts";
import { BatchPriority } from "./upload-api.ts";

/**
 * A CSV file is stored and its `ingest.batches` row is committed. No row of it is validated yet.
 *
 * Published by ingest, consumed by validator. Redelivery is safe: `batch_id` is the key.
 */
export const batchUploaded = defineEvent({
  stream: "BATCH",
  subject: "batch.uploaded",
  version: 1,
  fields: {
    batch_id: BatchId,
    tenant_id: TenantId,
    object_key: z.string().min(1),
    byte_count: z.int().nonnegative(),
    /** Rows that ingest counted; the validator must account for every one of them. */
    total_leads: z.int().positive(),
    /** "Today" in London at upload: ages are judged by it, whenever validation runs. */
    as_of: z.iso.date(),
    /** How long after its validation a lead's webhook is due; fixed for the batch at upload. */
    webhook_delay_ms: z.int().nonnegative(),
    /** The tenant's rules as they were at upload; absent: the defaults. */
    rule_profile: RuleProfile.optional(),
    /** Absent: normal. High goes before all that waits. */
    priority: BatchPriority.optional(),
    uploaded_at: Instant,
  },
  eventId: (event) => `batch.uploaded:${event.batch_id}`,
});

export type BatchUploaded = z.infer<typeof batchUploaded.schema>;
