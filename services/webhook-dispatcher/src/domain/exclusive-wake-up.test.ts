import assert from "node:assert/strict";
import { test } from "node:test";

import { type WebhookDue, WakeUpKind } from "@valify/contracts";

import { isExclusive } from "./exclusive-wake-up.ts";

const times = { dedupeWindowMs: 300_000, ackWaitMs: 45_000 };
/** A minute of it for clocks that differ. */
const AGE_MAX_MS = 300_000 - 45_000 - 60_000;
const dueMs = Date.parse("2026-11-26T09:00:00.000Z");
const event: WebhookDue = {
  id: "3b0f5c9e-8f3e-4c0e-9d57-0f6f1d0c7a11",
  kind: WakeUpKind.first,
  round: 0,
  tenant_id: "3b0f5c9e-8f3e-4c0e-9d57-0f6f1d0c7a12",
  batch_id: "batch_3b0f5c9e8f3e4c0e9d570f6f1d0c7a13",
  due_at: new Date(dueMs).toISOString(),
  lane: 0,
};
const at = (ms: number) => new Date(dueMs + ms);

test("a first wake-up that is handed out once, soon after it was due, is nobody else's", () => {
  assert.equal(isExclusive(event, false, times, at(0)), true);
  assert.equal(isExclusive(event, false, times, at(AGE_MAX_MS - 1)), true);
});

test("one that was handed out before, or is old enough to have a copy, is not", () => {
  assert.equal(isExclusive(event, true, times, at(0)), false);
  assert.equal(isExclusive(event, false, times, at(AGE_MAX_MS)), false);
});

for (const kind of Object.values(WakeUpKind).filter((one) => one !== WakeUpKind.first)) {
  test(`nor is a later wake-up, of kind ${kind}: its delivery is known already`, () => {
    assert.equal(isExclusive({ ...event, kind }, false, times, at(0)), false);
  });
}
