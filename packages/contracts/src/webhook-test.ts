import type { z } from "zod";

import { defineEvent } from "./define-event.ts";
import { DeliveryId, EndpointId, Instant, TenantId } from "./ids.ts";

/**
 * Send a signed test event to this endpoint now, whatever its state: once, without a lead and without
 * a retry. It is a delivery like any other, with its attempt on record.
 *
 * Published by ingest, consumed by webhook-dispatcher. `delivery_id` is the key.
 */
export const webhookTest = defineEvent({
  stream: "WEBHOOKS",
  subject: "webhook.test",
  version: 1,
  fields: {
    delivery_id: DeliveryId,
    endpoint_id: EndpointId,
    tenant_id: TenantId,
    requested_at: Instant,
  },
  eventId: (event) => `${event.delivery_id}:webhook.test`,
});

export type WebhookTest = z.infer<typeof webhookTest.schema>;
