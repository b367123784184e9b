import type { LeadValidated } from "@valify/contracts";

import type { Batch } from "./batch.ts";
import type { LeadRecord } from "./lead-record.ts";

/**
 * The announcement of each valid or invalid lead, in row order. A skipped row has none, and neither has
 * one whose person was erased.
 */
export function leadEvents(
  leads: readonly LeadRecord[],
  batch: Pick<Batch, "batchId" | "tenantId">,
  validatorVersion: string,
): LeadValidated[] {
  const events: LeadValidated[] = [];
  for (const lead of leads) {
    if (lead.status === "skipped" || lead.isErased) continue;
    events.push({
      id: lead.leadId,
      first_name: lead.firstName,
      last_name: lead.lastName,
      dob: lead.dob,
      validation_status: lead.status,
      validation_timestamp: lead.validatedAt,
      batch_id: batch.batchId,
      webhook_scheduled_for: lead.webhookScheduledFor,
      lead_uuid: lead.leadUuid,
      row: lead.rowNumber,
      errors: [...lead.errors],
      warnings: [...lead.warnings],
      tenant_id: batch.tenantId,
      validator_version: validatorVersion,
    });
  }
  return events;
}
