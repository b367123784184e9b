import assert from "node:assert/strict";
import { test } from "node:test";

import { createCircuitBreaker } from "./circuit-breaker.ts";

const breaker = () => createCircuitBreaker({ failuresMax: 2, pauseMs: 100 });

test("opens after as many failures in a row as it is told, and lets one try after the pause", () => {
  const circuit = breaker();
  circuit.failed(0);
  assert.equal(circuit.allows(1), true);
  circuit.failed(10);
  assert.deepEqual([circuit.allows(11), circuit.allows(109)], [false, false]);
  assert.deepEqual([circuit.allows(110), circuit.allows(111)], [true, false]);
});

test("a try that fails keeps it open for another pause, one that succeeds closes it", () => {
  const circuit = breaker();
  circuit.failed(0);
  circuit.failed(0);
  assert.equal(circuit.allows(100), true);
  circuit.failed(150);
  assert.deepEqual([circuit.allows(249), circuit.allows(250)], [false, true]);
  circuit.succeeded();
  assert.deepEqual([circuit.allows(251), circuit.allows(252)], [true, true]);
});

test("a success in between starts the count anew", () => {
  const circuit = breaker();
  circuit.failed(0);
  circuit.succeeded();
  circuit.failed(1);
  assert.equal(circuit.allows(2), true);
});
