import type { WebhookPayload } from "@valify/contracts";

/** A lead as its table holds it. Rows never change, so neither does the body made of one. */
export interface Lead {
  readonly leadUuid: string;
  readonly batchId: string;
  readonly tenantId: string;
  readonly rowNumber: number;
  readonly leadId: string;
  readonly firstName: string;
  readonly lastName: string;
  readonly dob: string;
  readonly status: "valid" | "invalid";
  readonly errors: WebhookPayload["errors"];
  readonly warnings: WebhookPayload["warnings"];
  /** ISO 8601 with milliseconds and Z. */
  readonly validatedAt: string;
  readonly webhookScheduledFor: string;
  readonly isTest?: true;
}

/**
 * The bytes to sign and send. The key order is fixed and everything comes from the immutable row,
 * so every attempt for a lead sends the same bytes. `publicBatchId`: `batch_…`.
 */
export function webhookBody(lead: Lead, publicBatchId: string): string {
  return JSON.stringify({
    id: lead.leadId,
    first_name: lead.firstName,
    last_name: lead.lastName,
    dob: lead.dob,
    validation_status: lead.status,
    validation_timestamp: lead.validatedAt,
    batch_id: publicBatchId,
    webhook_scheduled_for: lead.webhookScheduledFor,
    lead_uuid: lead.leadUuid,
    row: lead.rowNumber,
    errors: lead.errors,
    warnings: lead.warnings,
    test: lead.isTest, // left out where it is undefined
  } satisfies WebhookPayload);
}
