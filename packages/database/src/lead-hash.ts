import { createHmac, createSecretKey, hkdfSync } from "node:crypto";

/** 128 bits: among a thousand million leads no two would share one. */
const HASH_DIGITS = 32;
const KEY_BYTES = 32;

/**
 * How `validation.lead_claims` and `validation.suppressions` know a lead, in hexadecimal digits. Of
 * tenant and lead: one tenant's hashes tell nothing about another's. Under a key: names and dates of
 * birth are few enough to try them all.
 */
export type LeadHash = (tenantId: string, leadId: string) => string;

/**
 * HMAC-SHA-256 under a key made of `secretKey`. A key object, made once: preparing raw bytes again
 * for every lead takes four times as long as the hash.
 */
export function createLeadHash(secretKey: string): LeadHash {
  const bytes = hkdfSync("sha256", secretKey, "", "valify lead hashes v1", KEY_BYTES);
  const key = createSecretKey(Buffer.from(bytes));
  return (tenantId, leadId) => {
    const hmac = createHmac("sha256", key).update(`${tenantId} ${leadId}`).digest("hex");
    return hmac.slice(0, HASH_DIGITS);
  };
}
