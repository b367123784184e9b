import assert from "node:assert/strict";
import { test } from "node:test";

import {
  decodeBatchCursor,
  decodeRowCursor,
  encodeBatchCursor,
  encodeRowCursor,
} from "./cursor.ts";

const place = {
  createdAt: "2026-11-22T10:00:00.123456Z",
  batchUuid: "01a1f4f2-6e7b-7fff-bfff-ffffffffffff",
};

test("a batch cursor keeps the microseconds", () => {
  assert.deepEqual(decodeBatchCursor(encodeBatchCursor(place)), place);
});

test("a row cursor comes back as its row", () => {
  assert.equal(decodeRowCursor(encodeRowCursor(9_999)), 9_999);
});

const encode = (text: string) => Buffer.from(text).toString("base64url");

for (const [what, cursor] of [
  ["nothing", ""],
  ["no base64", "%%%"],
  ["a cursor of the other kind", encodeRowCursor(5)],
  ["a date that does not exist", encode(`2026-06-31T10:00:00.000000Z ${place.batchUuid}`)],
  ["a month that does not exist", encode(`2026-13-01T10:00:00.000000Z ${place.batchUuid}`)],
  ["no uuid", encode(`${place.createdAt} 1`)],
  ["more than a cursor", encode(`${place.createdAt} ${place.batchUuid}; drop`)],
] as const) {
  test(`refuses ${what} as a batch cursor`, () => assert.equal(decodeBatchCursor(cursor), null));
}

for (const row of ["row 0", "row -1", "row 1.5", "row 99999999999", "row x", "5"]) {
  test(`refuses "${row}" as a row cursor`, () => assert.equal(decodeRowCursor(encode(row)), null));
}
