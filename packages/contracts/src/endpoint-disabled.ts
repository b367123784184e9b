import { z } from "zod";

import { defineEvent } from "./define-event.ts";
import { EndpointId, Instant, TenantId } from "./ids.ts";

/**
 * An endpoint receives nothing more until somebody enables it; its deliveries are held.
 *
 * Published by webhook-dispatcher, for other teams. `(endpoint_id, disabled_at)` is the key.
 */
export const endpointDisabled = defineEvent({
  stream: "WEBHOOKS",
  subject: "endpoint.disabled",
  version: 1,
  fields: {
    endpoint_id: EndpointId,
    tenant_id: TenantId,
    reason: z.string().min(1),
    disabled_at: Instant,
  },
  eventId: (event) => `endpoint.disabled:${event.endpoint_id}:${event.disabled_at}`,
});

export type EndpointDisabled = z.infer<typeof endpointDisabled.schema>;
