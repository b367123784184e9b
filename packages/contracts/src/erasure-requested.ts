import { z } from "zod";

import { defineEvent } from "./define-event.ts";
import { BatchId, Instant, LeadUuid, TenantId } from "./ids.ts";

/** Rows that one erasure may name: the event stays far below the largest message. */
export const ERASURE_LEADS_MAX = 500;

/**
 * These leads are to be forgotten: each service clears what it holds of them, and says so by
 * `erasure.cleared`. Ids and keyed hashes, nothing of the person.
 *
 * Published by ingest, consumed by validator, scheduler and webhook-dispatcher. Safe to repeat:
 * `attempt` tells a deliberate repetition, after a restore or a long silence, from a redelivery.
 */
export const erasureRequested = defineEvent({
  stream: "BATCH",
  subject: "erasure.requested",
  version: 1,
  fields: {
    erasure_id: z.guid(),
    tenant_id: TenantId,
    attempt: z.int().positive(),
    requested_at: Instant,
    leads: z
      .array(z.object({ lead_uuid: LeadUuid, batch_id: BatchId, webhook_scheduled_for: Instant }))
      .max(ERASURE_LEADS_MAX),
    /** Of the lead ids that are refused from now on: HMAC under a key of ours, in hexadecimal. */
    tombstones: z.array(z.string().regex(/^[0-9a-f]{32}$/)),
  },
  eventId: (event) => `erasure.requested:${event.erasure_id}:${event.attempt}`,
});

export type ErasureRequested = z.infer<typeof erasureRequested.schema>;
