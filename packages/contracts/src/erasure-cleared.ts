import { z } from "zod";

import { defineEvent } from "./define-event.ts";
import { Instant, TenantId } from "./ids.ts";

/**
 * A service holds nothing any more of the leads of an erasure.
 *
 * Published by validator, scheduler and webhook-dispatcher, consumed by ingest, which counts them.
 * Once for each service and attempt.
 */
export const erasureCleared = defineEvent({
  stream: "BATCH",
  subject: "erasure.cleared",
  version: 1,
  fields: {
    erasure_id: z.guid(),
    tenant_id: TenantId,
    attempt: z.int().positive(),
    service: z.enum(["validator", "scheduler", "webhook-dispatcher"]),
    cleared_at: Instant,
  },
  eventId: (event) => `erasure.cleared:${event.erasure_id}:${event.service}:${event.attempt}`,
});

export type ErasureCleared = z.infer<typeof erasureCleared.schema>;
