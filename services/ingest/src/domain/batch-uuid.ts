/** How many random bytes {@link batchUuidOf} needs. */
export const BATCH_RANDOM_BYTE_COUNT = 10;

/**
 * The uuid of a new batch, laid out like version 7: 48 bits of time, then random ones. Ids sort by
 * age, so new rows land at the end of the primary key instead of all over it.
 */
export function batchUuidOf(now: Date, random: Uint8Array): string {
  const bytes = Buffer.alloc(16);
  bytes.writeUIntBE(now.getTime(), 0, 6);
  bytes.set(random.subarray(0, BATCH_RANDOM_BYTE_COUNT), 6);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x70, 6); // version 7
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8); // RFC 9562 variant
  const hex = bytes.toString("hex");
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    hex.slice(12, 16),
    hex.slice(16, 20),
    hex.slice(20),
  ].join("-");
}
