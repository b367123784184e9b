/**
 * Postgres arrays in its binary format, as one parameter each. Text would be written by us and read
 * by the server, element by element: for the outcomes of ten thousand webhooks that is half of the
 * statement's time. The driver sends a Buffer as it is, in binary.
 *
 * Format: dimensions, whether there are nulls, the element type's oid, length and lower bound; then
 * each element behind its length in bytes, -1 for null. All numbers are big-endian.
 * Source: array_recv of PostgreSQL's src/backend/utils/adt/arrayfuncs.c.
 */
const OID = { bool: 16, bytea: 17, int2: 21, int4: 23, text: 25, float4: 700, timestamptz: 1184 };
const HEAD_BYTES = 20;
const LENGTH_BYTES = 4;
const NULL_LENGTH = -1;
/** Postgres counts microseconds from 2000-01-01T00:00:00Z. */
const EPOCH_MS = 946_684_800_000;
const MICROS_PER_MS = 1_000;
const TWO_TO_32 = 4_294_967_296;

/** `text[]`. Not for strings with a NUL, which Postgres refuses. */
export function textArray(values: readonly (string | null)[]): Buffer {
  let dataBytes = 0;
  for (const value of values) if (value !== null) dataBytes += Buffer.byteLength(value);
  const buffer = start(OID.text, values.length, dataBytes);
  let offset = HEAD_BYTES;
  for (const value of values) {
    const length = value === null ? NULL_LENGTH : buffer.write(value, offset + LENGTH_BYTES);
    offset = buffer.writeInt32BE(length, offset) + Math.max(0, length);
  }
  return buffer;
}

/** `bytea[]` of hexadecimal strings. */
export function byteaArray(values: readonly (string | null)[]): Buffer {
  let dataBytes = 0;
  for (const value of values) if (value !== null) dataBytes += value.length / 2;
  const buffer = start(OID.bytea, values.length, dataBytes);
  let offset = HEAD_BYTES;
  for (const value of values) {
    const length = value === null ? NULL_LENGTH : buffer.write(value, offset + LENGTH_BYTES, "hex");
    offset = buffer.writeInt32BE(length, offset) + Math.max(0, length);
  }
  return buffer;
}

/** `timestamptz[]` of milliseconds since 1970. */
export function instantArray(valuesMs: readonly (number | null)[]): Buffer {
  return fixedArray(OID.timestamptz, 8, valuesMs, (buffer, valueMs, offset) => {
    const micros = Math.round((valueMs - EPOCH_MS) * MICROS_PER_MS);
    buffer.writeInt32BE(Math.floor(micros / TWO_TO_32), offset);
    buffer.writeUInt32BE(micros - Math.floor(micros / TWO_TO_32) * TWO_TO_32, offset + 4);
  });
}

/** `int4[]`. */
export function int4Array(values: readonly (number | null)[]): Buffer {
  return fixedArray(OID.int4, 4, values, (buffer, value, offset) => {
    buffer.writeInt32BE(value, offset);
  });
}

/** `int2[]`. */
export function int2Array(values: readonly (number | null)[]): Buffer {
  return fixedArray(OID.int2, 2, values, (buffer, value, offset) => {
    buffer.writeInt16BE(value, offset);
  });
}

/** `real[]`. */
export function realArray(values: readonly (number | null)[]): Buffer {
  return fixedArray(OID.float4, 4, values, (buffer, value, offset) => {
    buffer.writeFloatBE(value, offset);
  });
}

/** `boolean[]`. */
export function booleanArray(values: readonly (boolean | null)[]): Buffer {
  return fixedArray(OID.bool, 1, values, (buffer, value, offset) => {
    buffer.writeUInt8(value ? 1 : 0, offset);
  });
}

function fixedArray<Value>(
  oid: number,
  elementBytes: number,
  values: readonly (Value | null)[],
  write: (buffer: Buffer, value: Value, offset: number) => void,
): Buffer {
  const buffer = start(oid, values.length, values.length * elementBytes);
  let offset = HEAD_BYTES;
  // By index: an iterator would make an object for each of a hundred thousand values in a burst.
  for (let index = 0; index < values.length; index += 1) {
    const value = values[index] ?? null;
    offset = buffer.writeInt32BE(value === null ? NULL_LENGTH : elementBytes, offset);
    if (value === null) continue;
    write(buffer, value, offset);
    offset += elementBytes;
  }
  return buffer.subarray(0, offset); // a null takes no bytes of its own
}

/** An empty array has one dimension too: of length 0. */
function start(oid: number, length: number, dataBytes: number): Buffer {
  // Every byte that is sent is written below or by the caller.
  const buffer = Buffer.allocUnsafe(HEAD_BYTES + length * LENGTH_BYTES + dataBytes);
  buffer.writeInt32BE(1, 0);
  buffer.writeInt32BE(1, 4); // there may be nulls
  buffer.writeInt32BE(oid, 8);
  buffer.writeInt32BE(length, 12);
  buffer.writeInt32BE(1, 16);
  return buffer;
}
