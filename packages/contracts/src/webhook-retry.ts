import type { z } from "zod";

import { defineEvent } from "./define-event.ts";
import { Instant } from "./ids.ts";
import { wakeUpFields } from "./wake-up.ts";

/**
 * Wake this delivery up at `not_before`: the next attempt, a deferral to a reserved slot, or a
 * replay that a person asked for.
 *
 * Published by webhook-dispatcher and by ingest (replay), consumed by scheduler, which stores it
 * and later publishes `webhook.due` with the same `(id, round)`, the key.
 */
export const webhookRetry = defineEvent({
  stream: "WEBHOOKS",
  subject: "webhook.retry",
  version: 1,
  fields: { ...wakeUpFields, not_before: Instant },
  eventId: (event) => `${event.id}:${event.round}:webhook.retry`,
});

export type WebhookRetry = z.infer<typeof webhookRetry.schema>;
