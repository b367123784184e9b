import { z } from "zod";

import { defineEvent } from "./define-event.ts";
import { BatchId, Instant, LeadUuid, TenantId } from "./ids.ts";

/**
 * Nothing of this lead's person is left with us: whoever took its `lead.validated` has to forget
 * them too. In the same stream, so that nobody reads it before what it takes back. No lead id: that
 * is a name and a date of birth.
 *
 * Published by ingest, consumed by other teams. `lead_uuid` is the key; a repeat changes nothing.
 */
export const leadErased = defineEvent({
  stream: "LEADS",
  subject: "lead.erased",
  version: 1,
  fields: {
    lead_uuid: LeadUuid,
    batch_id: BatchId,
    tenant_id: TenantId,
    erasure_id: z.guid(),
    erased_at: Instant,
  },
  eventId: (event) => `lead.erased:${event.lead_uuid}`,
});

export type LeadErased = z.infer<typeof leadErased.schema>;
