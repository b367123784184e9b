import assert from "node:assert/strict";
import { test } from "node:test";

import { batchIdOfUuid } from "@valify/contracts";
import { defaultRuleProfile } from "@valify/lead-file";

import { batchOfEvent } from "./batch.ts";

test("renames the event's fields and takes the date apart", () => {
  const batchUuid = "11111111-2222-4333-8444-555555555555";
  const tenantId = "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee";
  const batch = batchOfEvent({
    batch_id: batchIdOfUuid(batchUuid),
    tenant_id: tenantId,
    object_key: "uploads/one.csv",
    byte_count: 12,
    total_leads: 3,
    as_of: "2026-02-09",
    webhook_delay_ms: 86_400_000,
    uploaded_at: "2026-02-09T10:00:00.000Z",
  });
  assert.deepEqual(batch, {
    batchId: batchIdOfUuid(batchUuid),
    batchUuid,
    tenantId,
    objectKey: "uploads/one.csv",
    byteCount: 12,
    totalLeads: 3,
    asOf: { year: 2026, month: 2, day: 9 },
    webhookDelayMs: 86_400_000,
    uploadedAt: new Date("2026-02-09T10:00:00.000Z"),
    ruleProfile: defaultRuleProfile,
  });
});
