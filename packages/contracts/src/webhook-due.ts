import { z } from "zod";

import { defineEvent } from "./define-event.ts";
import { Instant } from "./ids.ts";
import { wakeUpFields } from "./wake-up.ts";

/**
 * The instant has come: deliver now. Never published before `due_at` by the database clock.
 *
 * Published by scheduler, consumed by webhook-dispatcher. `(id, round)` is the key.
 */
export const webhookDue = defineEvent({
  stream: "WEBHOOKS",
  subject: "webhook.due",
  version: 1,
  fields: { ...wakeUpFields, due_at: Instant, lane: z.int().min(0).max(15) },
  eventId: (event) => `${event.id}:${event.round}:webhook.due`,
});

export type WebhookDue = z.infer<typeof webhookDue.schema>;
