import type { z } from "zod";

import { defineEvent } from "./define-event.ts";
import { DeliveryId, Instant, TenantId } from "./ids.ts";

/**
 * Let this delivery go out no more: what waits or is held ends as cancelled. A request under way
 * ends first; if it succeeds there is nothing left to cancel.
 *
 * Published by ingest, consumed by webhook-dispatcher. `delivery_id` is the key; asking again later,
 * as after it was sent again, is another event.
 */
export const webhookCancel = defineEvent({
  stream: "WEBHOOKS",
  subject: "webhook.cancel",
  version: 1,
  fields: {
    delivery_id: DeliveryId,
    tenant_id: TenantId,
    requested_at: Instant,
  },
  eventId: (event) => `${event.delivery_id}:webhook.cancel:${event.requested_at}`,
});

export type WebhookCancel = z.infer<typeof webhookCancel.schema>;
