import { z } from "zod";

/** Crockford's base 32, lower case: no i, l, o, u, so an id read aloud is not misheard. */
const ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz";
const BATCH_PREFIX = "batch_";

export const TenantId = z.guid();
export const LeadUuid = z.guid();
export const DeliveryId = z.guid();
export const EndpointId = z.guid();

/** `batch_` and 26 characters: 128 bits in base 32. Postgres holds the same bits as a uuid. */
export const BatchId = z.string().regex(/^batch_[0-7][0-9a-hjkmnp-tv-z]{25}$/);
export type BatchId = z.infer<typeof BatchId>;

/** UTC, ISO 8601, ending in `Z`. */
export const Instant = z.iso.datetime();

/** The public form of a batch's uuid; throws on anything else. Inverse of {@link uuidOfBatchId}. */
export function batchIdOfUuid(uuid: string): BatchId {
  let bits = BigInt(`0x${z.guid().parse(uuid).replaceAll("-", "")}`);
  let digits = "";
  for (let i = 0; i < 26; i += 1) {
    digits = ALPHABET.charAt(Number(bits & 31n)) + digits;
    bits >>= 5n;
  }
  return BATCH_PREFIX + digits;
}

/** The uuid behind a public batch id. Throws on anything that {@link BatchId} refuses. */
export function uuidOfBatchId(batchId: BatchId): string {
  let bits = 0n;
  for (const digit of BatchId.parse(batchId).slice(BATCH_PREFIX.length)) {
    bits = (bits << 5n) | BigInt(ALPHABET.indexOf(digit));
  }
  const hex = bits.toString(16).padStart(32, "0");
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    hex.slice(12, 16),
    hex.slice(16, 20),
    hex.slice(20),
  ].join("-");
}
