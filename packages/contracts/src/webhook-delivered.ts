import { z } from "zod";

import { defineEvent } from "./define-event.ts";
import { BatchId, DeliveryId, EndpointId, Instant, LeadUuid, TenantId } from "./ids.ts";

/**
 * The customer's endpoint accepted the webhook with a 2xx, and the attempt is recorded.
 *
 * Published by webhook-dispatcher, for other teams. `(delivery_id, round)` is the key: a manual
 * replay of a delivered webhook delivers it once more, in a later round.
 */
export const webhookDelivered = defineEvent({
  stream: "WEBHOOKS",
  subject: "webhook.delivered",
  version: 1,
  fields: {
    delivery_id: DeliveryId,
    lead_uuid: LeadUuid,
    endpoint_id: EndpointId,
    tenant_id: TenantId,
    batch_id: BatchId,
    round: z.int().nonnegative(),
    attempts: z.int().positive(),
    status_code: z.int(),
    delivered_at: Instant,
  },
  eventId: (event) => `${event.delivery_id}:${event.round}:webhook.delivered`,
});

export type WebhookDelivered = z.infer<typeof webhookDelivered.schema>;
