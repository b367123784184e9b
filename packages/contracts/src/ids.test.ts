import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";

import { BatchId, batchIdOfUuid, Instant, uuidOfBatchId } from "./ids.ts";

const LOWEST = "00000000-0000-0000-0000-000000000000";
const HIGHEST = "ffffffff-ffff-ffff-ffff-ffffffffffff";

test("the public id of a batch is the same 128 bits as its uuid", () => {
  const vectors = [
    [LOWEST, "batch_00000000000000000000000000"],
    ["00000000-0000-0000-0000-000000000001", "batch_00000000000000000000000001"],
    ["00000000-0000-0000-0000-000000000020", "batch_00000000000000000000000010"],
    [HIGHEST, "batch_7zzzzzzzzzzzzzzzzzzzzzzzzz"],
  ] as const;
  for (const [uuid, batchId] of vectors) {
    assert.equal(batchIdOfUuid(uuid), batchId);
    assert.equal(uuidOfBatchId(batchId), uuid);
  }
});

test("any uuid survives the way to a batch id and back", () => {
  for (let i = 0; i < 2_000; i += 1) {
    const uuid = randomUUID();
    const batchId = batchIdOfUuid(uuid);
    assert.equal(BatchId.safeParse(batchId).success, true, batchId);
    assert.equal(uuidOfBatchId(batchId), uuid);
  }
});

test("batch ids sort as their uuids do", () => {
  const uuids = Array.from({ length: 200 }, () => randomUUID()).toSorted();
  const batchIds = uuids.map(batchIdOfUuid);
  assert.deepEqual(batchIds, batchIds.toSorted());
});

test("refuses whatever is not exactly a batch id", () => {
  const good = batchIdOfUuid(randomUUID()).slice("batch_".length);
  const bad = [
    "",
    good,
    `batch_${good.slice(1)}`,
    `batch_${good}0`,
    `BATCH_${good}`,
    `batch_${good.slice(0, 25)}Z`,
    // One bit more than 128.
    `batch_8${good.slice(1)}`,
    // Letters that a person would mistake for another.
    ...["i", "l", "o", "u"].map((letter) => `batch_${good.slice(0, 25)}${letter}`),
    `batch_${good}\n`,
    ` batch_${good}`,
    "batch_../../../../etc/passwd00000",
  ];
  for (const text of bad) {
    assert.equal(BatchId.safeParse(text).success, false, JSON.stringify(text));
    assert.throws(() => uuidOfBatchId(text), JSON.stringify(text));
  }
});

test("refuses to make a batch id of something that is no uuid", () => {
  for (const text of ["", "12", HIGHEST.slice(1), `${HIGHEST}f`, "not-a-uuid"]) {
    assert.throws(() => batchIdOfUuid(text), JSON.stringify(text));
  }
});

test("an instant is UTC and ends in Z", () => {
  const good = ["2024-01-15T10:30:00Z", "2024-01-15T10:30:00.123456Z", "2024-02-29T23:59:59Z"];
  const bad = [
    "2024-01-15T10:30:00+01:00",
    "2024-01-15T10:30:00",
    "2024-01-15",
    "2023-02-29T00:00:00Z",
  ];
  for (const text of good) assert.equal(Instant.safeParse(text).success, true, text);
  for (const text of bad) assert.equal(Instant.safeParse(text).success, false, text);
});
