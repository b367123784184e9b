import assert from "node:assert/strict";
import { test } from "node:test";

import { WakeUpKind } from "@valify/contracts";

import { attemptLabelOf, OUTCOME_LABEL, waitingLabelOf } from "./metric-labels.ts";

test("outcomes are the closed set of the dashboards, and one for our own faults", () => {
  const labels = new Set(Object.values(OUTCOME_LABEL));
  const known = ["delivered", "http_4xx", "http_5xx", "redirect", "timeout", "connect_error"];
  assert.deepEqual(labels, new Set([...known, "tls_error", "blocked", "internal"]));
});

test("a deferred retry is still a retry, a deferred first attempt the first", () => {
  assert.equal(attemptLabelOf(WakeUpKind.first, 0), "first");
  assert.equal(attemptLabelOf(WakeUpKind.deferral, 0), "first");
  assert.equal(attemptLabelOf(WakeUpKind.deferral, 2), "retry");
  assert.equal(attemptLabelOf(WakeUpKind.retry, 1), "retry");
  assert.equal(attemptLabelOf(WakeUpKind.manual, 0), "manual");
  assert.equal(attemptLabelOf(WakeUpKind.recover, 0), "manual");
});

test("waiting for a slot and being sent back to wait are told apart from neither", () => {
  assert.equal(waitingLabelOf(WakeUpKind.first, 0), "none");
  assert.equal(waitingLabelOf(WakeUpKind.first, 12), "slot");
  assert.equal(waitingLabelOf(WakeUpKind.deferral, 0), "deferred");
});
