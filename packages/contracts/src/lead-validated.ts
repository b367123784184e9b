import { z } from "zod";

import { defineEvent } from "./define-event.ts";
import { TenantId } from "./ids.ts";
import { webhookPayloadFields } from "./webhook-payload.ts";

/**
 * A lead has its verdict, valid or invalid, and its row is committed. The one event that carries
 * personal data: whoever subscribes shares the duty to erase.
 *
 * Published by validator, consumed by scheduler and by other teams. One per lead: `lead_uuid` is
 * the key, made of batch and row, so a repeat after a crash carries the same id.
 */
export const leadValidated = defineEvent({
  stream: "LEADS",
  subject: "lead.validated",
  version: 1,
  fields: { ...webhookPayloadFields, tenant_id: TenantId, validator_version: z.string().min(1) },
  eventId: (event) => `lead.validated:${event.lead_uuid}:v1`,
});

export type LeadValidated = z.infer<typeof leadValidated.schema>;
