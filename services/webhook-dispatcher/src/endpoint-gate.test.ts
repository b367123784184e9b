import assert from "node:assert/strict";
import { test } from "node:test";

import { createEndpointGate } from "./endpoint-gate.ts";

const LONG_MS = 60_000;

test("lets in as many as the endpoint takes, and the next when one leaves, in order", async () => {
  const gate = createEndpointGate();
  assert.equal(await gate.enter("a", 2, LONG_MS), true);
  assert.equal(await gate.enter("a", 2, LONG_MS), true);
  const order: string[] = [];
  const third = gate.enter("a", 2, LONG_MS).then(() => order.push("third"));
  const fourth = gate.enter("a", 2, LONG_MS).then(() => order.push("fourth"));
  gate.leave("a");
  await third;
  gate.leave("a");
  await fourth;
  assert.deepEqual(order, ["third", "fourth"]);
});

test("turns away whoever waited too long, and takes no place for it", async () => {
  const gate = createEndpointGate();
  await gate.enter("a", 1, LONG_MS);
  assert.equal(await gate.enter("a", 1, 5), false);
  gate.leave("a");
  assert.equal(await gate.enter("a", 1, 5), true);
});

test("one endpoint's queue is not another's", async () => {
  const gate = createEndpointGate();
  await gate.enter("a", 1, LONG_MS);
  assert.equal(await gate.enter("b", 1, LONG_MS), true);
});
