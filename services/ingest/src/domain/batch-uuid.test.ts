import assert from "node:assert/strict";
import { test } from "node:test";

import { batchIdOfUuid, uuidOfBatchId } from "@valify/contracts";

import { batchUuidOf } from "./batch-uuid.ts";

const now = new Date("2026-11-22T10:00:00.123Z");
const ones = new Uint8Array(10).fill(0xff);

test("begins with the time in milliseconds and is marked as version 7", () => {
  assert.equal(batchUuidOf(now, ones), "01a202b2-c57b-7fff-bfff-ffffffffffff");
});

test("sorts by age, as a uuid and as a public id", () => {
  const older = batchUuidOf(now, ones);
  const newer = batchUuidOf(new Date(now.getTime() + 1), new Uint8Array(10));
  assert.ok(older < newer);
  assert.ok(batchIdOfUuid(older) < batchIdOfUuid(newer));
});

test("survives the way to the public id and back", () => {
  const uuid = batchUuidOf(now, Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9, 10));
  assert.equal(uuidOfBatchId(batchIdOfUuid(uuid)), uuid);
});
