/** A place in the list of batches: the last row shown. */
export interface BatchCursor {
  /** As Postgres prints it, microseconds included: cut to milliseconds it would skip rows. */
  readonly createdAt: string;
  readonly batchUuid: string;
}

const BATCH_PLACE =
  /^(2\d{3}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z) ([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/;
/** Row numbers are Postgres integers: no ten-digit text can get past this. */
const ROW_PLACE = /^row ([1-9]\d{0,8})$/;
const FINDING_PLACE = /^finding ([1-9]\d{0,8})\.([1-9]\d{0,8})$/;

/** Below 2^53, so exact as a number. */
const SEQUENCE_PLACE = /^number ([1-9]\d{0,14})$/;

const ID_PLACE = /^id ([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/;

export function encodeBatchCursor({ createdAt, batchUuid }: BatchCursor): string {
  return encode(`${createdAt} ${batchUuid}`);
}

/** Null for anything that {@link encodeBatchCursor} did not make. */
export function decodeBatchCursor(cursor: string): BatchCursor | null {
  const [, createdAt, batchUuid] = BATCH_PLACE.exec(decode(cursor)) ?? [];
  if (createdAt === undefined || batchUuid === undefined) return null;
  // The form alone lets a 31 June pass, at which Postgres would raise an error.
  const instant = new Date(createdAt);
  if (Number.isNaN(instant.getTime())) return null;
  if (instant.toISOString().slice(0, 19) !== createdAt.slice(0, 19)) return null;
  return { createdAt, batchUuid };
}

export function encodeRowCursor(rowNumber: number): string {
  return encode(`row ${rowNumber}`);
}

/** Null for anything that {@link encodeRowCursor} did not make. */
export function decodeRowCursor(cursor: string): number | null {
  const [, rowNumber] = ROW_PLACE.exec(decode(cursor)) ?? [];
  return rowNumber === undefined ? null : Number(rowNumber);
}

/** A place in the list of findings: the last one shown. */
export interface FindingPlace {
  readonly rowNumber: number;
  /** Of the row's findings, from 1. */
  readonly ordinal: number;
}

/** Before every finding. */
export const FIRST_FINDING: FindingPlace = { rowNumber: 1, ordinal: 0 };

export function encodeFindingCursor({ rowNumber, ordinal }: FindingPlace): string {
  return encode(`finding ${rowNumber}.${ordinal}`);
}

/** Null for anything that {@link encodeFindingCursor} did not make. */
export function decodeFindingCursor(cursor: string): FindingPlace | null {
  const [, rowNumber, ordinal] = FINDING_PLACE.exec(decode(cursor)) ?? [];
  if (rowNumber === undefined || ordinal === undefined) return null;
  return { rowNumber: Number(rowNumber), ordinal: Number(ordinal) };
}

/** A place in a list that is ordered by a sequence number, as the ledger and the audit log. */
export function encodeSequenceCursor(sequence: number): string {
  return encode(`number ${sequence}`);
}

/** Null for anything that {@link encodeSequenceCursor} did not make. */
export function decodeSequenceCursor(cursor: string): number | null {
  const [, sequence] = SEQUENCE_PLACE.exec(decode(cursor)) ?? [];
  return sequence === undefined ? null : Number(sequence);
}

/** A place in the list of deliveries, which goes batch by batch, newest first, and there by lead. */
export interface DeliveryCursor {
  readonly batch: BatchCursor;
  /** The last delivery shown of that batch; null: the whole batch is done. */
  readonly after: { readonly leadUuid: string; readonly deliveryId: string } | null;
}

const UUID = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}";
const DELIVERY_PLACE = new RegExp(`^([^ ]+ ${UUID})(?: (${UUID}) (${UUID}))?$`);

export function encodeDeliveryCursor({ batch, after }: DeliveryCursor): string {
  const place = `${batch.createdAt} ${batch.batchUuid}`;
  return encode(after === null ? place : `${place} ${after.leadUuid} ${after.deliveryId}`);
}

/** Null for anything that {@link encodeDeliveryCursor} did not make. */
export function decodeDeliveryCursor(cursor: string): DeliveryCursor | null {
  const [, place, leadUuid, deliveryId] = DELIVERY_PLACE.exec(decode(cursor)) ?? [];
  const batch = place === undefined ? null : decodeBatchCursor(encode(place));
  if (batch === null) return null;
  const isMidway = leadUuid !== undefined && deliveryId !== undefined;
  return { batch, after: isMidway ? { leadUuid, deliveryId } : null };
}

/** A place in a list that is ordered by a uuid. */
export function encodeIdCursor(id: string): string {
  return encode(`id ${id}`);
}

/** Null for anything that {@link encodeIdCursor} did not make. */
export function decodeIdCursor(cursor: string): string | null {
  const [, id] = ID_PLACE.exec(decode(cursor)) ?? [];
  return id ?? null;
}

function encode(place: string): string {
  return Buffer.from(place).toString("base64url");
}

function decode(cursor: string): string {
  return Buffer.from(cursor, "base64url").toString();
}
