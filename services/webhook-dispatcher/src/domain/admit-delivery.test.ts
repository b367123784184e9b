import assert from "node:assert/strict";
import { test } from "node:test";

import { type AdminSide, admitDelivery, sinceActivation } from "./admit-delivery.ts";
import { type EndpointHealth, HEALTHY } from "./endpoint-health.ts";

const now = new Date("2026-11-22T10:00:00Z");
const earlier = new Date(now.getTime() - 1);
const later = new Date(now.getTime() + 1);
const active: AdminSide = { status: "active", activatedAt: new Date(0) };

const admit = (health: Partial<EndpointHealth>) =>
  admitDelivery(active, { ...HEALTHY, ...health }, now);

test("sends to what is healthy, degraded or unknown", () => {
  assert.deepEqual(admitDelivery(active, undefined, now), { kind: "send" });
  assert.deepEqual(admit({}), { kind: "send" });
  assert.deepEqual(admit({ state: "degraded" }), { kind: "send" });
});

test("holds for an open one until its probe is due, then lets one see", () => {
  const hold = { kind: "hold", reason: "open", notBefore: later };
  assert.deepEqual(admit({ state: "open", probeAt: later }), hold);
  assert.deepEqual(admit({ state: "open", probeAt: now }), { kind: "probe" });
});

test("holds for a throttled one while it asked for it, open or not", () => {
  const hold = { kind: "hold", reason: "throttled", notBefore: later };
  assert.deepEqual(admit({ pausedUntil: later }), hold);
  assert.deepEqual(admit({ pausedUntil: later, state: "open", probeAt: earlier }), hold);
  assert.deepEqual(admit({ pausedUntil: earlier }), { kind: "send" });
});

test("holds without an end for a paused and for a disabled one", () => {
  const paused: AdminSide = { ...active, status: "paused" };
  const expected = { kind: "hold", reason: "paused", notBefore: null };
  assert.deepEqual(admitDelivery(paused, undefined, now), expected);
  const disabled = { kind: "hold", reason: "disabled", notBefore: null };
  assert.deepEqual(admit({ state: "disabled", disabledAt: earlier }), disabled);
});

test("an activation outdates what was before it, and nothing that came after", () => {
  const disabled: EndpointHealth = { ...HEALTHY, state: "disabled", disabledAt: now };
  assert.equal(sinceActivation(disabled, later, earlier), undefined);
  assert.equal(sinceActivation(disabled, earlier, later), disabled);
  const open: EndpointHealth = { ...HEALTHY, state: "open", probeAt: later };
  assert.equal(sinceActivation(open, later, now), undefined);
  assert.equal(sinceActivation(open, earlier, now), open);
  assert.equal(sinceActivation(undefined, later, now), undefined);
});
