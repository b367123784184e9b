import { z } from "zod";

import { Finding } from "./finding.ts";
import { BatchId, Instant, LeadUuid } from "./ids.ts";

/**
 * The body a customer receives, in this key order. Existing receivers rely on the first eight
 * fields: they never change. `id` is a label made of personal data, never a key.
 */
export const webhookPayloadFields = {
  id: z.string().min(1),
  first_name: z.string(),
  last_name: z.string(),
  /** `dd/mm/yyyy` when it could be read, else as it was typed. */
  dob: z.string(),
  validation_status: z.enum(["valid", "invalid"]),
  validation_timestamp: Instant,
  batch_id: BatchId,
  webhook_scheduled_for: Instant,
  lead_uuid: LeadUuid,
  row: z.int().positive(),
  errors: z.array(Finding),
  warnings: z.array(Finding),
};

export const WebhookPayload = z
  .object({
    ...webhookPayloadFields,
    /** A test event, in the form of a lead with nobody's data: do not keep it. */
    test: z.literal(true).optional(),
  })
  .meta({ id: "WebhookPayload" });
export type WebhookPayload = z.infer<typeof WebhookPayload>;
