import assert from "node:assert/strict";
import { test } from "node:test";

import { batchIdOfUuid, type WebhookDue, WakeUpKind } from "@valify/contracts";

import { NO_ENDPOINT_ID, routesOf } from "./route-lead.ts";
import type { Lead } from "./webhook-body.ts";

const tenantId = "5f0c6a52-6a7e-4a51-9a3e-0d7a1b2c3d4e";
const batchId = "018f3b1e-0000-7000-8000-000000000001";
const leadUuid = "018f3b1e-0000-7000-8000-00000000000a";
const deliveryId = "018f3b1e-0000-7000-8000-00000000000d";

const lead: Lead = {
  leadUuid,
  batchId,
  tenantId,
  rowNumber: 1,
  leadId: "ada.test.01011990",
  firstName: "Ada",
  lastName: "Test",
  dob: "01/01/1990",
  status: "valid",
  errors: [],
  warnings: [],
  validatedAt: "2024-01-15T10:30:00.123Z",
  webhookScheduledFor: "2024-01-16T10:30:00.123Z",
};
const leads = new Map([[leadUuid, lead]]);
const endpoint = (endpointId: string, send: "all" | "valid" | "invalid", owner = tenantId) => {
  return { endpointId, send, tenantId: owner };
};
const byTenant = (...endpoints: ReturnType<typeof endpoint>[]) =>
  Map.groupBy(endpoints, (one) => one.tenantId);
const event = (kind: WebhookDue["kind"], id = leadUuid): WebhookDue => {
  const due_at = "2026-11-22T10:00:00Z";
  return {
    id,
    kind,
    round: 3,
    tenant_id: tenantId,
    batch_id: batchIdOfUuid(batchId),
    due_at,
    lane: 0,
  };
};
const known = (state: string, endpointId: string) => ({ deliveryId, leadUuid, endpointId, state });

test("a first wake-up goes to every endpoint of the tenant whose filter takes the lead", () => {
  const endpoints = byTenant(
    endpoint("e1", "all"),
    endpoint("e2", "valid"),
    endpoint("e3", "invalid"),
    endpoint("e4", "all", "00000000-0000-4000-8000-00000000ffff"),
  );
  const reachedBy = (status: Lead["status"]) =>
    routesOf(
      event(WakeUpKind.first),
      undefined,
      new Map([[leadUuid, { ...lead, status }]]),
      endpoints,
    ).map((route) => (route.kind === "deliver" ? route.endpointId : route.kind));
  assert.deepEqual(reachedBy("valid"), ["e1", "e2"]);
  assert.deepEqual(reachedBy("invalid"), ["e1", "e3"]);
});

test("a lead without an endpoint is recorded as such, a filtered one as cancelled", () => {
  const [none] = routesOf(event(WakeUpKind.first), undefined, leads, byTenant());
  assert.equal(none?.kind === "unrouted" && none.state, "no_endpoint");
  const filtered = byTenant(endpoint("e1", "invalid"));
  const [route] = routesOf(event(WakeUpKind.first), undefined, leads, filtered);
  assert.equal(route?.kind === "unrouted" && route.reason, "filtered");
});

test("a later wake-up stays with its delivery's endpoint, also when that was deleted", () => {
  const wake = event(WakeUpKind.retry, deliveryId);
  const [kept] = routesOf(wake, known("waiting", "e1"), leads, byTenant(endpoint("e1", "all")));
  assert.ok(kept?.kind === "deliver" && kept.deliveryId === deliveryId && kept.endpoint !== null);
  const [gone] = routesOf(wake, known("waiting", "e1"), leads, byTenant(endpoint("e2", "all")));
  assert.ok(gone?.kind === "deliver" && gone.endpointId === "e1" && gone.endpoint === null);
});

test("a replayed lead that had no endpoint fans out like a first one and replaces its placeholder", () => {
  const wake = event(WakeUpKind.manual, deliveryId);
  const stored = known("no_endpoint", NO_ENDPOINT_ID);
  const [route] = routesOf(wake, stored, leads, byTenant(endpoint("e1", "all")));
  assert.ok(route?.kind === "deliver" && route.replaces === deliveryId);
  assert.equal(route.deliveryId, null);
});

test("a wake-up of nothing we know is told so", () => {
  const wake = event(WakeUpKind.retry, "018f3b1e-0000-7000-8000-00000000dead");
  assert.deepEqual(routesOf(wake, undefined, leads, byTenant()), [{ kind: "lead_missing" }]);
});
