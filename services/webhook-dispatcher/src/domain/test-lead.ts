import type { Lead } from "./webhook-body.ts";

const NO_BATCH = "00000000-0000-0000-0000-000000000000";

/** What a test event tells: the form of a lead, nobody's data, and `"test": true` at the end. */
export function testLead(deliveryId: string, tenantId: string, requestedAt: string): Lead {
  return {
    leadUuid: deliveryId,
    batchId: NO_BATCH,
    tenantId,
    rowNumber: 1,
    leadId: "test.lead.01011990",
    firstName: "Test",
    lastName: "Lead",
    dob: "01/01/1990",
    status: "valid",
    errors: [],
    warnings: [],
    validatedAt: requestedAt,
    webhookScheduledFor: requestedAt,
    isTest: true,
  };
}
