import { z } from "zod";

/** Crockford's base 32, lower case: no i, l, o, u, so an id read aloud is not misheard. */
const ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz";
const BATCH_PREFIX = "batch_";
const UUID_HEX = /^[0-9a-f]{32}$/;
const BATCH_ID = /^batch_[0-7][0-9a-hjkmnp-tv-z]{25}$/;

export const TenantId = z.guid();
export const LeadUuid = z.guid();
export const DeliveryId = z.guid();
export const EndpointId = z.guid();

/** `batch_` and 26 characters: 128 bits in base 32. Postgres holds the same bits as a uuid. */
export const BatchId = z.string().regex(BATCH_ID);
export type BatchId = z.infer<typeof BatchId>;

/** UTC, ISO 8601, ending in `Z`. */
export const Instant = z.iso.datetime();

/** The public form of a batch's uuid. Inverse of {@link uuidOfBatchId}. */
export function batchIdOfUuid(uuid: string): BatchId {
  if (uuid !== lastPair.uuid) lastPair = { uuid, batchId: encodeBatchId(uuid) };
  return lastPair.batchId;
}

/** The uuid behind a public batch id. Throws on anything that {@link BatchId} refuses. */
export function uuidOfBatchId(batchId: BatchId): string {
  if (batchId !== lastPair.batchId) lastPair = { uuid: decodeBatchId(batchId), batchId };
  return lastPair.uuid;
}

/** Leads of a batch come by the thousand, one after the other: the last answer is mostly the next. */
let lastPair = { uuid: "", batchId: "" };

function encodeBatchId(uuid: string): BatchId {
  const hex = uuid.replaceAll("-", "");
  if (!UUID_HEX.test(hex)) throw new Error("not a uuid");
  // 26 digits hold 130 bits: the two in front are zero.
  let bits = 0;
  let bitCount = 2;
  let digits = "";
  for (let i = 0; i < hex.length; i += 1) {
    bits = (bits << 4) | Number.parseInt(hex.charAt(i), 16);
    bitCount += 4;
    if (bitCount < 5) continue;
    bitCount -= 5;
    digits += ALPHABET.charAt(bits >> bitCount);
    bits &= (1 << bitCount) - 1;
  }
  return BATCH_PREFIX + digits;
}

function decodeBatchId(batchId: BatchId): string {
  if (!BATCH_ID.test(batchId)) throw new Error("not a batch id");
  let bits = 0;
  let bitCount = -2;
  let hex = "";
  for (let i = BATCH_PREFIX.length; i < batchId.length; i += 1) {
    bits = (bits << 5) | ALPHABET.indexOf(batchId.charAt(i));
    bitCount += 5;
    while (bitCount >= 4) {
      bitCount -= 4;
      hex += (bits >> bitCount).toString(16);
      bits &= (1 << bitCount) - 1;
    }
  }
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
