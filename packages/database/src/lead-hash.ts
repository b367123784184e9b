import { hash } from "node:crypto";

/** 128 bits: among a thousand million leads no two would share one. */
const HASH_DIGITS = 32;

/**
 * How `validation.lead_claims` and `validation.suppressions` know a lead, in hexadecimal digits. Of
 * tenant and lead: one tenant's hashes tell nothing about another's.
 */
export function leadHashOf(tenantId: string, leadId: string): string {
  return hash("sha256", `${tenantId} ${leadId}`, "hex").slice(0, HASH_DIGITS);
}
