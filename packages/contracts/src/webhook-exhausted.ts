import { z } from "zod";

import { defineEvent } from "./define-event.ts";
import { BatchId, DeliveryId, EndpointId, Instant, LeadUuid, TenantId } from "./ids.ts";

/**
 * The last attempt failed; nothing more happens to this delivery unless somebody replays it.
 *
 * Published by webhook-dispatcher, for other teams. `(delivery_id, round)` is the key.
 */
export const webhookExhausted = defineEvent({
  stream: "WEBHOOKS",
  subject: "webhook.exhausted",
  version: 1,
  fields: {
    delivery_id: DeliveryId,
    lead_uuid: LeadUuid,
    endpoint_id: EndpointId,
    tenant_id: TenantId,
    batch_id: BatchId,
    round: z.int().nonnegative(),
    attempts: z.int().positive(),
    /** The class of the last failure, such as `http_5xx` or `timeout_response`. */
    error_class: z.string().min(1),
    exhausted_at: Instant,
  },
  eventId: (event) => `${event.delivery_id}:${event.round}:webhook.exhausted`,
});

export type WebhookExhausted = z.infer<typeof webhookExhausted.schema>;
