import { createHmac, hkdfSync } from "node:crypto";

/** 128 bits: among a thousand million leads no two would share one. */
const HASH_DIGITS = 32;

/**
 * How `validation.lead_claims` and `validation.suppressions` know a lead, in hexadecimal digits. Of
 * tenant and lead: one tenant's hashes tell nothing about another's. Under a key: names and dates of
 * birth are few enough to try them all.
 */
export type LeadHash = (tenantId: string, leadId: string) => string;

export function createLeadHash(secretKey: string): LeadHash {
  const key = Buffer.from(hkdfSync("sha256", secretKey, "", "valify lead hashes v1", 32));
  return (tenantId, leadId) =>
    createHmac("sha256", key).update(`${tenantId} ${leadId}`).digest("hex").slice(0, HASH_DIGITS);
}
