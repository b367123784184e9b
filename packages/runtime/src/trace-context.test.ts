import assert from "node:assert/strict";
import { test } from "node:test";

import { batchIdOfUuid } from "@valify/contracts";

import { createSpanIds, parseTraceparent, traceIdOf, traceparentOf } from "./trace-context.ts";

const uuid = "018f3b1e-0000-7000-8000-00000000beef";
const batchId = batchIdOfUuid(uuid);

test("the trace of a batch is its own 128 bits, and comes back out of the header", () => {
  assert.equal(traceIdOf(batchId), "018f3b1e00007000800000000000beef");
  const header = traceparentOf(batchId, "00f067aa0ba902b7");
  assert.equal(header, "00-018f3b1e00007000800000000000beef-00f067aa0ba902b7-00");
  const context = { traceId: traceIdOf(batchId), parentId: "00f067aa0ba902b7" };
  assert.deepEqual(parseTraceparent(header), context);
});

test("batches take turns without taking over each other's trace", () => {
  const other = batchIdOfUuid("018f3b1e-0000-7000-8000-00000000cafe");
  assert.match(traceIdOf(other), /cafe$/);
  assert.match(traceIdOf(batchId), /beef$/);
});

test("what the specification refuses is refused", () => {
  const trace = "4bf92f3577b34da6a3ce929d0e0e4736";
  const span = "00f067aa0ba902b7";
  for (const bad of [
    undefined,
    "",
    "00",
    `ff-${trace}-${span}-01`,
    `00-${trace.toUpperCase()}-${span}-01`,
    `00-${"0".repeat(32)}-${span}-01`,
    `00-${trace}-${"0".repeat(16)}-01`,
    `00-${trace}-${span}`,
    `00-${trace}-${span}-01\nx`,
  ]) {
    assert.equal(parseTraceparent(bad), undefined, bad);
  }
  assert.equal(parseTraceparent(`01-${trace}-${span}-00-later`)?.traceId, trace);
});

test("span ids differ, wrap around and are never zero", () => {
  const spanId = createSpanIds(2n ** 64n - 2n);
  assert.deepEqual(
    [spanId(), spanId(), spanId()],
    ["f".repeat(16), "1".padStart(16, "0"), "2".padStart(16, "0")],
  );
});
